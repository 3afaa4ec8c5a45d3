"""The rules as functions over counted facts: nothing here reads, and the same facts always come to the same."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from partners.detections import rules
from partners.detections.suspicions import (
    Change,
    Day,
    Evidence,
    Facts,
    Hour,
    Lookups,
    Network,
    Reach,
    Refusals,
    Suspicion,
    Waking,
)
from partners.vocabulary import Detection, Tier


@dataclass(frozen=True)
class Usual:
    """What days were like."""

    middle: float
    deviation: float
    most: float

    @property
    def limit(self) -> float:
        """What is still within habit."""
        return self.middle + rules.DEVIATIONS * self.deviation


def usual(values: Sequence[int]) -> Usual:
    """Median, median absolute deviation (a tenth of the median at least) and maximum; zeros for none."""
    if not values:
        return Usual(0, 0, 0)
    middle = median(values)
    spread = median(abs(value - middle) for value in values)
    return Usual(middle, max(spread, rules.LEAST_DEVIATION * middle), max(values))


def volume(facts: Day) -> Suspicion | None:
    """More different members in a day than ever is usual."""
    own = len(facts.before) >= rules.FEWEST_DAYS
    days = facts.before if own else facts.peers
    normal = usual(days)
    threshold = max(normal.limit, rules.FEWEST_MEMBERS, facts.floor)
    if facts.members <= threshold or not (own or len(days) >= rules.FEWEST_PEER_DAYS):
        return None
    pages = facts.members > rules.MUCH_MORE * normal.most
    whose = "its own" if own else "its peers'"
    return Suspicion(
        Detection.VOLUME,
        Tier.PAGE if pages else Tier.QUEUE,
        facts.whom,
        facts.window,
        facts.members,
        threshold,
        f"{facts.members} different members in a day; {whose} days had {normal.middle:.0f} in the middle and "
        f"{normal.most:.0f} at most.",
        {
            "median": normal.middle,
            "deviation": normal.deviation,
            "maximum": normal.most,
            "days": len(days),
            "of_peers": not own,
            "floor": facts.floor,
        },
    )


def enumeration(facts: Lookups) -> Suspicion | None:
    """Many look-ups in a short time of who is unknown or somebody else's."""
    normal = usual(facts.misses_by_day)
    threshold = max(rules.FEWEST_MISSES, normal.middle + 1, facts.floor)
    if facts.misses < threshold or facts.misses < rules.MISSES_SHARE * facts.lookups:
        return None
    pages = facts.misses >= rules.MANY_MISSES and facts.misses > normal.most
    return Suspicion(
        Detection.ENUMERATION,
        Tier.PAGE if pages else Tier.QUEUE,
        facts.whom,
        facts.window,
        facts.misses,
        threshold,
        f"{facts.misses} of {facts.lookups} look-ups in ten minutes were of members unknown or not its own; usual are "
        f"{normal.middle:.0f} in a whole day.",
        {
            "lookups": facts.lookups,
            "median_by_day": normal.middle,
            "maximum_by_day": normal.most,
            "floor": facts.floor,
        },
        Evidence.MISSES,
    )


def probing(facts: Refusals) -> Suspicion | None:
    """Many requests in an hour that no scope of the caller's allows."""
    threshold = max(rules.REFUSED_SHARE * facts.requests, facts.most_before, facts.floor)
    if facts.requests < rules.FEWEST_REQUESTS or facts.refused <= threshold:
        return None
    return Suspicion(
        Detection.PROBING,
        Tier.QUEUE,
        facts.whom,
        facts.window,
        facts.refused,
        threshold,
        f"{facts.refused} of {facts.requests} requests in an hour were refused for want of a scope; in the "
        f"{rules.BASELINE.days} days before, {facts.most_before} at most.",
        {"requests": facts.requests, "most_before": facts.most_before, "floor": facts.floor},
        Evidence.REFUSALS,
    )


def sweep(facts: Reach) -> Suspicion | None:
    """All there is in a day, or one after the other in order."""
    # Members are counted by a sketch, which may come to a little more than there are.
    members = min(facts.members, facts.reachable) if facts.reachable else facts.members
    share = members / facts.reachable if facts.reachable else 0.0
    steps = facts.steps_up + facts.steps_down
    one_way = max(facts.steps_up, facts.steps_down) / steps if steps else 0.0
    fewest_members, fewest_steps = max(rules.FEWEST_MEMBERS, facts.floor), max(rules.FEWEST_STEPS, facts.floor)
    wide = share >= rules.SWEEP_SHARE and members >= fewest_members
    in_order = one_way > rules.ONE_WAY and steps >= fewest_steps
    if not (wide or in_order) or facts.habit >= rules.HABIT:
        return None
    # The larger of what is told, so that a mark on it holds for both.
    if wide and not (in_order and steps > members):
        measured, threshold = members, max(fewest_members, rules.SWEEP_SHARE * (facts.reachable or 0))
    else:
        measured, threshold = steps, fewest_steps
    what = (
        f"{members} of {facts.reachable} members within reach, in one day"
        if wide
        else f"{steps} look-ups one after the other, {one_way:.0%} of them in the members' own order"
    )
    return Suspicion(
        Detection.SWEEP,
        Tier.QUEUE,
        facts.whom,
        facts.window,
        measured,
        threshold,
        f"{what}; that is no habit.",
        {
            "members": members,
            "reachable": facts.reachable,
            "steps": steps,
            "one_way": round(one_way, 3),
            "habit": round(facts.habit, 3),
            "floor": facts.floor,
        },
    )


def new_network(facts: Network) -> Suspicion | None:
    """A client of long standing calls from where it never did."""
    known = facts.window.since - facts.known_since
    roams = facts.new_before > rules.ROAMING
    if known <= rules.HISTORY or roams or facts.new_that_day <= facts.floor:
        return None
    return Suspicion(
        Detection.NEW_NETWORK,
        Tier.QUEUE,
        facts.whom,
        facts.window,
        facts.new_that_day,
        facts.floor,
        f"The first call from this network of a client known for {known.days} days, with {facts.new_before} new "
        f"networks in the {rules.BASELINE.days} days before.",
        {"known_days": known.days, "new_before": facts.new_before, "floor": facts.floor},
        Evidence.EVERYTHING,
        facts.network,
    )


def off_hours(facts: Hour) -> Suspicion | None:
    """Members at a time of the week at which the partner is never there."""
    threshold = max(rules.MEMBERS_IN_AN_HOUR, facts.floor)
    known = facts.window.since - facts.known_since
    if facts.used_before or known < rules.BASELINE or facts.members <= threshold:
        return None
    return Suspicion(
        Detection.OFF_HOURS,
        Tier.QUEUE,
        facts.whom,
        facts.window,
        facts.members,
        threshold,
        f"{facts.members} members on a {facts.window.since:%A} from {facts.window.since:%H:%M} UTC, an hour of the "
        "week in which the partner made no request before.",
        {"known_days": known.days, "floor": facts.floor},
    )


def dormant(facts: Waking) -> Suspicion | None:
    """Long silence, and then much at once."""
    threshold = max(rules.BULK, facts.floor)
    if facts.largest < threshold:
        return None
    return Suspicion(
        Detection.DORMANT,
        Tier.PAGE,
        facts.whom,
        facts.window,
        facts.largest,
        threshold,
        f"A release of {facts.largest} members within a day of the first call after {rules.SILENCE.days} days of "
        "silence.",
        {"floor": facts.floor},
        Evidence.BULK,
    )


def after_change(facts: Change) -> Suspicion | None:
    """Much at once, just after what lets somebody in was changed."""
    threshold = max(rules.BULK, facts.floor)
    both = facts.what == "credentials" and facts.from_new_network
    if facts.largest < threshold or (facts.bulk_before and not both):
        return None
    where = " from a new network" if facts.from_new_network else ""
    change = "new credentials" if facts.what == "credentials" else "the first call from it"
    return Suspicion(
        Detection.AFTER_CHANGE,
        Tier.PAGE if facts.from_new_network else Tier.QUEUE,
        facts.whom,
        facts.window,
        facts.largest,
        threshold,
        f"A release of {facts.largest} members{where} within an hour of {change}.",
        {"change": facts.what, "new_network": facts.from_new_network, "floor": facts.floor},
        Evidence.BULK,
        facts.network,
    )


_JUDGES: dict[type[Facts], Callable[[Any], Suspicion | None]] = {
    Day: volume,
    Lookups: enumeration,
    Refusals: probing,
    Reach: sweep,
    Network: new_network,
    Hour: off_hours,
    Waking: dormant,
    Change: after_change,
}


def judge(facts: Iterable[Facts]) -> Iterator[Suspicion]:
    """Everything that is out of the ordinary; a new network is not told beside what was done from it."""
    found = [suspicion for each in facts if (suspicion := _JUDGES[type(each)](each)) is not None]
    told = {(each.whom, each.network) for each in found if each.rule is Detection.AFTER_CHANGE and each.network}
    for suspicion in found:
        if suspicion.rule is not Detection.NEW_NETWORK or (suspicion.whom, suspicion.network) not in told:
            yield suspicion
