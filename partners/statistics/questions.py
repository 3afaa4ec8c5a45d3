"""What is asked of statistics, and what is answered."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from partners.postgres.prepared import Row
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
class Answer:
    """A page of statistics: rows as the statement hands them over, with the columns of `columns_for`."""

    rows: Sequence[Row]
    """Keys as texts, an hour as its start in UTC and the offset in seconds; money as it is written."""
    totals: Sequence[Row]
    """Over the whole result, in no order: one for each currency there is, and for none if there is anything."""
    has_more: bool
    position: Sequence[str | None]
    """What the last row is ordered by: the next page comes after it."""
    through: datetime | None
    """The newest time of any event that was applied, whomever it was about; None before the first."""
