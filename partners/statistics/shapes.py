"""The shapes of questions: what of a question tells its statement from that of another."""

from dataclasses import dataclass

from partners.statistics.questions import Sort
from partners.vocabulary import Metric, StatisticsFilter, StatisticsGroup

CURRENCY = "currency"
RANK = "rank"
HOUR, UTC_OFFSET = "hour", "utc_offset"
_KEYS_OF = {StatisticsGroup.HOUR: (HOUR, UTC_OFFSET)}
"""Columns that stand for a group, where they are not one of its name: an hour comes twice when clocks go back."""


@dataclass(frozen=True)
class StatisticsShape:
    """What tells two statements apart."""

    groups: tuple[StatisticsGroup, ...]
    filters: tuple[tuple[StatisticsFilter, bool], ...] = ()
    """With whether it excludes."""
    sort: Sort | None = None
    continued: bool = False
    stretches: int = 1
    """In how many stretches of one offset the range comes: one, unless clocks are changed in it."""

    def key_names(self) -> list[str]:
        """The columns that rows are grouped by, but for the currency."""
        return [key for group in self.groups for key in _KEYS_OF.get(group, (group.value,))]

    def columns(self) -> list[str]:
        """The columns of a row as it is handed over, in order."""
        return [*(group.value for group in self.groups), CURRENCY, *Metric, *([RANK] if self.by_metric else [])]

    @property
    def tells_devices(self) -> bool:
        """Whether the answer depends on the types of devices."""
        filters = (name for name, _ in self.filters)
        return StatisticsGroup.DEVICE_TYPE in self.groups or StatisticsFilter.DEVICE_TYPE in filters

    @property
    def by_metric(self) -> Metric | None:
        """The figure that rows are ordered by."""
        return self.sort.by if self.sort is not None and isinstance(self.sort.by, Metric) else None

    def order(self) -> dict[str, bool]:
        """By which columns rows are ordered, and whether downwards: together they tell every row apart."""
        first = {}
        if self.sort is not None:
            by = self.sort.by
            names = _KEYS_OF.get(by, (by.value,)) if isinstance(by, StatisticsGroup) else (RANK,)
            first = dict.fromkeys(names, self.sort.descending)
        return first | {name: False for name in (*self.key_names(), CURRENCY) if name not in first}


def parameter_of(name: StatisticsFilter) -> str:
    """The parameter with the values of a filter."""
    return f"chosen_{name}"
