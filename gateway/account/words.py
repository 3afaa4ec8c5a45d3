"""What a scope means, in words for somebody who is asked to allow it."""

from collections.abc import Mapping
from typing import NamedTuple

from partners.vocabulary import Scope


class Words(NamedTuple):
    """What a tool will be able to see, and what it will not."""

    sees: tuple[str, ...]
    never_sees: tuple[str, ...]


WORDS: Mapping[Scope, Words] = {
    Scope.STATS_READ: Words(
        (
            "your statistics: clicks, registrations, purchases and income, by day, campaign, site, country and device",
            "your monthly statements",
            "the codes and names of your campaigns",
        ),
        (
            "single members: no usernames, no lists, no purchases of one person",
            "your password, and how you sign in",
        ),
    ),
}
"""By every scope that a tracker can hold."""
