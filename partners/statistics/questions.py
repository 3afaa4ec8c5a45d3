"""What is asked of statistics, and what is answered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from partners.vocabulary import SUB_GROUPS, Metric, StatisticsFilter, StatisticsGroup


@dataclass(frozen=True)
class Choice:
    """Values of a dimension to narrow by: these alone, or all but these; what is null is not one of them."""

    values: tuple[str, ...]
    excludes: bool = False


@dataclass(frozen=True)
class Sort:
    """By what rows are ordered first."""

    by: StatisticsGroup | Metric
    descending: bool = False


@dataclass(frozen=True)
class Question:
    """What a webmaster asks of its statistics."""

    first: date
    last: date
    """Local days, both inclusive."""
    zone: ZoneInfo
    groups: tuple[StatisticsGroup, ...] = (StatisticsGroup.DAY,)
    """At least one, each once."""
    filters: Mapping[StatisticsFilter, Choice] = field(default_factory=dict)
    sort: Sort | None = None
    limit: int = 1_000


def by_sub(groups: Iterable[StatisticsGroup]) -> bool:
    """Whether a grouping can stand for one person: then the counters will not do, as they know no sub ids."""
    return not set(SUB_GROUPS).isdisjoint(groups)


@dataclass(frozen=True)
class Line:
    """A row of statistics, or a total, which has no groups."""

    groups: tuple[Any, ...]
    """The values of the groups in the order asked: dates, an aware datetime for an hour, strings."""
    currency: str | None
    figures: tuple[int | None, ...]
    """In the order of `Metric`; money in minor units, null where there is no currency."""


@dataclass(frozen=True)
class Answer:
    """A page of statistics."""

    lines: Sequence[Line]
    totals: Sequence[Line]
    """Over the whole result: one for each currency, and always one for none."""
    has_more: bool
    position: list[str | None]
    """What the last line is ordered by: the next page comes after it."""
