"""What rules decide about, and what they come to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from partners.vocabulary import Detection, Tier

Figure = float | int | str | bool | None


class Evidence(StrEnum):
    """Which records of the window show it."""

    RELEASES = "releases"
    BULK = "bulk"
    MISSES = "misses"
    REFUSALS = "refusals"
    EVERYTHING = "everything"


@dataclass(frozen=True)
class Whom:
    """Whom a suspicion is about: a partner, or one client or model of it; or an aspect of the log itself."""

    partner: str | None = None
    client: str | None = None
    model: str | None = None
    aspect: str | None = None


@dataclass(frozen=True)
class Window:
    """The time a suspicion is about; `until` is exclusive."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Suspicion:
    """What a rule found; it becomes an alert unless there is one."""

    rule: Detection
    tier: Tier
    whom: Whom
    window: Window
    measured: float
    threshold: float
    summary: str
    """In words, for whoever looks at it."""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    """The baseline that `measured` was held against."""
    evidence: Evidence = Evidence.RELEASES
    network: str | None = None
    records: Sequence[UUID] = ()
    """The records where they are known already."""


@dataclass(frozen=True)
class Day:
    """How many different members a partner got at on a day, and what is usual for it."""

    whom: Whom
    window: Window
    members: int
    before: Sequence[int]
    """Of its own active days in the baseline; none in its first 28 days."""
    peers: Sequence[int]
    """Of the active days of all others of its kind, where its own are too few."""
    floor: float = 0
    """What a false-positive mark has raised it to."""


@dataclass(frozen=True)
class Lookups:
    """Ten minutes of look-ups by one client."""

    whom: Whom
    window: Window
    lookups: int
    misses: int
    misses_by_day: Sequence[int]
    """Of the partner's active days in the baseline."""
    floor: float = 0


@dataclass(frozen=True)
class Refusals:
    """An hour of one client."""

    whom: Whom
    window: Window
    requests: int
    refused: int
    most_before: int
    """The most refused in an hour of the baseline, this day left out."""
    floor: float = 0


@dataclass(frozen=True)
class Reach:
    """How far a client or a model came in a day through the members there are for it."""

    whom: Whom
    window: Window
    members: int
    reachable: int | None
    steps_up: int
    steps_down: int
    habit: float
    """The share of days in the baseline, its own or its peers', on which the same was done."""
    floor: float = 0


@dataclass(frozen=True)
class Network:
    """A client's first call from a network."""

    whom: Whom
    window: Window
    network: str
    known_since: datetime
    """The client's own first call."""
    new_before: int
    """Networks that were new in the baseline."""
    new_that_day: int = 1
    floor: float = 0


@dataclass(frozen=True)
class Hour:
    """An hour of one partner, and whether it is one of its own."""

    whom: Whom
    window: Window
    members: int
    known_since: datetime
    used_before: bool
    """Whether in eight weeks there was a request in this hour of the week, or in one next to it."""
    floor: float = 0


@dataclass(frozen=True)
class Waking:
    """A client that was silent for long, and the largest release since."""

    whom: Whom
    window: Window
    largest: int
    floor: float = 0


@dataclass(frozen=True)
class Change:
    """What a client did within an hour of a change."""

    whom: Whom
    window: Window
    what: str
    """`credentials` or `network`."""
    largest: int
    """Members in its largest release of that hour."""
    from_new_network: bool
    bulk_before: bool
    """Whether it made such a release in the baseline."""
    network: str | None = None
    floor: float = 0


Facts = Day | Lookups | Refusals | Reach | Network | Hour | Waking | Change
