"""Asking statistics: a question and a position become a statement and its values, its rows a page with totals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import takewhile
from typing import Any

from sqlalchemy import Select, select

from partners.access_log.recording import Recording
from partners.answering import answer_statement
from partners.postgres.prepared import Row
from partners.statistics.local import range_parameters
from partners.statistics.questions import Answer, Question, by_sub
from partners.statistics.selects import TOTALS_PLACE, found
from partners.statistics.shapes import HOUR, UTC_OFFSET, StatisticsShape, parameter_of
from partners.statistics.stretches import Stretch, stretches
from partners.tables.statistics import feed_progress
from partners.vocabulary import SUB_GROUPS, StatisticsFilter, StatisticsGroup

HEADING = ("outcome", "reason", "through", "place")
_THROUGH, _PLACE = HEADING.index("through"), HEADING.index("place")


@dataclass(frozen=True)
class Asking:
    """A question and where to go on in its answer: the statement, its values, and how its rows are read."""

    question: Question
    position: Sequence[str | None] | None = None
    """Of an earlier answer to the same question; from the start without."""

    @cached_property
    def statement(self) -> Recording:
        """The statement, rendered once for all questions of its shape."""
        return _prepared(self._shape)

    def parameters(self) -> Mapping[str, Any]:
        """What the statement asks for; who asks is for others to say."""
        chosen = {parameter_of(name): list(choice.values) for name, choice in self.question.filters.items()}
        after = {f"after_{place}": value for place, value in enumerate(self.position or ())}
        return {"rows": self.question.limit + 1, **range_parameters(self._stretches), **chosen, **after}

    def answer(self, found: Sequence[Row]) -> Answer:
        """Read the rows of the statement."""
        first = found[0]
        sums = sum(1 for row in takewhile(_is_total, found))
        end = sums + self.question.limit
        page = found[sums:end] if first[_PLACE] is not None else []
        return Answer(
            rows=page,
            totals=found[:sums],
            has_more=len(found) > end,
            position=self._position_of(page[-1]) if page else [],
            through=first[_THROUGH],
        )

    @cached_property
    def _stretches(self) -> list[Stretch]:
        return _remembered(self.question.first, self.question.last, self.question.zone)

    @cached_property
    def _shape(self) -> StatisticsShape:
        filters = tuple((name, choice.excludes) for name, choice in sorted(self.question.filters.items()))
        continued = self.position is not None
        return StatisticsShape(self.question.groups, filters, self.question.sort, continued, len(self._stretches) or 1)

    def _position_of(self, row: Row) -> list[str | None]:
        values: dict[str, str | None] = dict(zip((*HEADING, *self._shape.columns()), row, strict=True))
        if HOUR in values:
            values[HOUR], values[UTC_OFFSET] = str(values[HOUR]).rsplit(" ", 1)
        return [values[name] for name in self._shape.order()]


_remembered = lru_cache(maxsize=1_024)(stretches)


def _is_total(row: Row) -> bool:
    place: int | None = row[_PLACE]
    return place == TOTALS_PLACE


def columns_for(groups: Sequence[StatisticsGroup]) -> list[str]:
    """The columns of the statement's rows for these groups; after them comes what figures are ordered by, if so."""
    return [*HEADING, *StatisticsShape(tuple(groups)).columns()]


def recording(shape: StatisticsShape) -> Recording:
    """The statement of a shape; sub ids are for those who may have member rows (R29)."""
    through = select(feed_progress.c.through).scalar_subquery()
    return answer_statement(found(shape), member_rows=by_sub(shape.groups), heading={"through": through})


_prepared = lru_cache(maxsize=256)(recording)
_ANY_FILTER = tuple((name, False) for name in StatisticsFilter)


def every_statement() -> tuple[Select[Any], ...]:
    """Over counters and over events: statements that together read every column that statistics may read."""
    groups = ((), tuple(map(StatisticsGroup, SUB_GROUPS)))
    return tuple(
        recording(StatisticsShape((StatisticsGroup.CAMPAIGN, *subs), _ANY_FILTER)).statement for subs in groups
    )
