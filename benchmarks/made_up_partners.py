"""Partners that do not exist, and what they do: habits, weekends, holidays, growth, moves and mishaps, all seeded."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from partners.vocabulary import PartnerKind

START = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday."""
HOLIDAYS = {3: 0.4, 38: 0.3, 39: 1.9, 66: 0.35, 67: 0.4, 80: 1.7}
"""Days on which everybody does less, or more, by their number."""
_FRIDAY = 4
_WEEKLY, _NEW, _ROAMING, _EXPORTING, _IDLE, _LATE = 0.06, 0.05, 0.08, 0.6, 0.01, 0.002
"""Shares of partners, and of days."""
_OFFICE, _NIGHT, _ALWAYS, _EVENING = range(7, 18), (2,), range(24), range(16, 27)


@dataclass(frozen=True)
class Partner:
    """Somebody's habits."""

    name: str
    kind: PartnerKind
    daily: float
    """Different members on a usual day."""
    spread: float
    weekend: float
    """How much of a usual day a Saturday or Sunday has."""
    growth: float
    """A day, as a factor."""
    hours: tuple[int, ...]
    weekly: bool
    """Whether it calls on Mondays alone."""
    joined: int
    """The day of its first call."""
    error_rate: float
    """Of its look-ups."""
    sweeps: bool
    """Whether it synchronises everything whenever it calls."""
    roams: bool
    exports: bool
    """Whether it makes releases in bulk."""


@dataclass(frozen=True)
class Done:
    """What a partner did on a day."""

    partner: Partner
    number: int
    """Of the day."""
    members: int
    by_hour: dict[int, int] = field(default_factory=dict)
    misses: int = 0
    most_misses: int = 0
    """Within ten minutes, and so many look-ups in them."""
    lookups_then: int = 0
    refused: int = 0
    """In its worst hour, of so many requests."""
    requests_then: int = 0
    new_networks: int = 0
    new_secret: bool = False

    @property
    def at(self) -> datetime:
        """The day's first instant."""
        return START + timedelta(days=self.number)


def partners(random: Random, count: int, days: int) -> list[Partner]:
    """Make up partners; one in twenty joins in the last 28 days."""
    return [_partner(random, number, days) for number in range(count)]


def _partner(random: Random, number: int, days: int) -> Partner:
    kind = PartnerKind.MODEL_CENTER if number % 6 == 0 else PartnerKind.WEBMASTER
    is_center = kind is PartnerKind.MODEL_CENTER
    hours = _EVENING if is_center else random.choices((_OFFICE, _NIGHT, _ALWAYS), (45, 35, 20))[0]
    return Partner(
        name=f"{kind}-{number}",
        kind=kind,
        daily=random.lognormvariate(math.log(400 if is_center else 120), 1.2),
        spread=random.uniform(0.05, 0.45),
        weekend=random.uniform(1.0, 1.5) if is_center else random.uniform(0.1, 1.1),
        growth=random.lognormvariate(0, 0.004),
        hours=tuple(hours),
        weekly=not is_center and random.random() < _WEEKLY,
        joined=random.randrange(days - 28, days) if random.random() < _NEW else 0,
        error_rate=random.choice((0, 0.002, 0.01, 0.04)),
        sweeps=len(hours) == 1,
        roams=random.random() < _ROAMING,
        exports=random.random() < _EXPORTING,
    )


def history(random: Random, partner: Partner, days: int) -> Iterator[Done]:
    """What a partner does, day by day; a mishap now and then."""
    for number in range(partner.joined, days):
        weekday = (START + timedelta(days=number)).weekday()
        factor = (partner.weekend if weekday > _FRIDAY else 1.0) * HOLIDAYS.get(number % 91, 1.0)
        is_idle = (partner.weekly and weekday != 0) or random.random() < _IDLE
        expected = partner.daily * factor * partner.growth ** (number - partner.joined)
        members = 0 if is_idle else round(expected * random.lognormvariate(0, partner.spread))
        yield _day(random, partner, number, members)


def _day(random: Random, partner: Partner, number: int, members: int) -> Done:
    lookups = members * 2
    misses = sum(random.random() < partner.error_rate for _ in range(min(lookups, 2_000)))
    bug = random.random() < 1 / 2_000
    # Broken synchronisation: for some minutes it asks for what is not there.
    most = random.randrange(10, 90) if bug else min(misses, 1 + misses // 20)
    refused = random.randrange(20, 200) if random.random() < 1 / 3_000 else 0
    moved = random.random() < (0.25 if partner.roams else 1 / 1_500)
    return Done(
        partner,
        number,
        members,
        _spread(random, partner, members),
        misses + (most if bug else 0),
        most,
        round(most * random.uniform(1, 3)) if bug else max(most * 10, 1),
        refused,
        round(refused * random.uniform(1, 6)),
        int(moved),
        random.random() < 1 / 365,
    )


def _spread(random: Random, partner: Partner, members: int) -> dict[int, int]:
    """Over the hours of the partner's day; seldom somebody works late."""
    if not members:
        return {}
    weights = [random.uniform(0.5, 1.5) for _ in partner.hours]
    shares = {
        hour % 24: round(members * weight / sum(weights)) for hour, weight in zip(partner.hours, weights, strict=True)
    }
    if random.random() < _LATE:
        shares[random.randrange(24)] = max(1, members // 10)
    return shares
