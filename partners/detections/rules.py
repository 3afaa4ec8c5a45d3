"""The rules, in one place: what each says, from which figures on, and how soon somebody should look."""

from dataclasses import dataclass
from datetime import timedelta

from partners.vocabulary import Detection

BASELINE = timedelta(days=28)
"""What a partner is held against: its own days before, or its peers' as long as it has none of its own."""
FEWEST_DAYS = 4
"""With fewer days of its own in that time a partner has no habit."""
FEWEST_PEER_DAYS = 20
"""With fewer days of its peers there is nothing to hold it against, and nothing is told."""

DEVIATIONS = 6
LEAST_DEVIATION = 0.1
"""Of the median: who does the same every day is not told for a little more."""
FEWEST_MEMBERS = 50
MUCH_MORE = 2.5
"""So many times its own maximum pages."""

ENUMERATION_WINDOW = timedelta(minutes=10)
FEWEST_MISSES = 20
MISSES_SHARE = 0.5
MANY_MISSES = 60

FEWEST_REQUESTS = 25
REFUSED_SHARE = 0.2

SWEEP_SHARE = 0.8
FEWEST_STEPS = 50
ONE_WAY = 0.95
HABIT = 0.05
"""Share of days from which on something is a habit."""

HISTORY = timedelta(days=30)
"""A client that is known for longer has networks of its own."""
ROAMING = 3
"""A client with more new networks than this in the baseline has none of its own."""

WEEKS = timedelta(weeks=8)
MEMBERS_IN_AN_HOUR = 20

SILENCE = timedelta(days=60)
BULK = 50
"""Members in one release."""
WAKING = timedelta(days=1)
"""For how long after its first call a client counts as just awake."""
AFTER_CHANGE = timedelta(hours=1)

LONGEST_SEAL_LAG = timedelta(seconds=30)
QUIET = timedelta(hours=1)
"""What goes on is not told again for so long."""
MARK = 1.25
"""A false-positive mark raises the floor to so many times what was measured."""
MARK_KEPT = timedelta(days=28)


@dataclass(frozen=True)
class Rule:
    """A rule as people read it; `partners.detections.judging` decides by the figures above."""

    name: Detection
    says: str
    pages: str
    """When it pages; whatever else it says stands in the queue."""


RULES = (
    Rule(
        Detection.VOLUME,
        f"A partner gets at more different members in a day than the median plus {DEVIATIONS} deviations (MAD, at "
        f"least {LEAST_DEVIATION:.0%} of the median) of its active days in the {BASELINE.days} days before, and more "
        f"than {FEWEST_MEMBERS}. In its first {BASELINE.days} days, or with fewer than {FEWEST_DAYS} active ones, the "
        "days of all others of its kind stand for its own.",
        f"more than {MUCH_MORE} times the most in any of those days",
    ),
    Rule(
        Detection.ENUMERATION,
        f"Within {ENUMERATION_WINDOW.seconds // 60} minutes a client looks up {FEWEST_MISSES} or more who are unknown "
        f"or not its own, and they are {MISSES_SHARE:.0%} or more of its look-ups, and more than its partner usually "
        "has in a day.",
        f"{MANY_MISSES} or more, and more than on any of the {BASELINE.days} days before",
    ),
    Rule(
        Detection.PROBING,
        f"In an hour a client makes {FEWEST_REQUESTS} or more requests and over {REFUSED_SHARE:.0%} of them are "
        f"refused for want of a scope, more than in any hour of the {BASELINE.days} days before.",
        "never",
    ),
    Rule(
        Detection.SWEEP,
        f"In a day a client, or a model, gets at {SWEEP_SHARE:.0%} or more of the members there are for it, if they "
        f"are at least {FEWEST_MEMBERS}; or looks up members one by one and goes the same way through them in over "
        f"{ONE_WAY:.0%} of at least {FEWEST_STEPS} steps. Who does so on {HABIT:.0%} or more of its days is not told.",
        "never",
    ),
    Rule(
        Detection.NEW_NETWORK,
        f"A client known for more than {HISTORY.days} days calls from a network (/24, or /48 of IPv6) it never called "
        f"from. Who had more than {ROAMING} new ones in {BASELINE.days} days roams, and is not told.",
        "never",
    ),
    Rule(
        Detection.OFF_HOURS,
        f"More than {MEMBERS_IN_AN_HOUR} members in an hour of the week in which, and next to which, a partner known "
        f"for {BASELINE.days} days made no request in {WEEKS.days // 7} weeks.",
        "never",
    ),
    Rule(
        Detection.DORMANT,
        f"A client that was silent for {SILENCE.days} days makes, within a day of its first call, a release of {BULK} "
        "members or more.",
        "always",
    ),
    Rule(
        Detection.AFTER_CHANGE,
        "Within an hour of new credentials (a secret, keys, scopes, leave to come back), or of its first call from a "
        f"new network, a client makes a release of {BULK} members or more, as it had not in {BASELINE.days} days "
        "before; or makes one with new credentials and from a new network.",
        "where the network is new",
    ),
    Rule(
        Detection.GAP,
        f"A record waits to be sealed for more than {LONGEST_SEAL_LAG.seconds} seconds; the record that the last run "
        "left never got into the sealed log; a verification, or a comparison with the proxy's log, that was told to "
        "raise alerts found something.",
        "always",
    ),
)
