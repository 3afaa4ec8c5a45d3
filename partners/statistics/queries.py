"""Asking statistics: a question and a position become a statement and its values, its rows a page with totals."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, select

from partners.answering import answer_statement
from partners.prepared import PreparedText, Row, prepare_text
from partners.statistics.local import range_parameters
from partners.statistics.questions import Answer, Question, by_sub
from partners.statistics.selects import TOTALS_PLACE, found
from partners.statistics.shapes import HOUR, UTC_OFFSET, Shape, parameter_of
from partners.statistics.stretches import Stretch, stretches
from partners.tables.statistics import feed_progress
from partners.vocabulary import SUB_GROUPS, StatisticsFilter, StatisticsGroup

HEADING = ("outcome", "reason", "through", "place")
_THROUGH, _PLACE = HEADING.index("through"), HEADING.index("place")


class Asking:
    """A question and where to go on in its answer: the statement, and how its rows are read."""

    def __init__(self, question: Question, position: Sequence[str | None] | None = None) -> None:
        """Start, or after `position`, which is of the same question."""
        self._question = question
        self._position = position
        self._range = stretches(question.first, question.last, question.zone)
        self._shape = _shape_of(question, self._range, continued=position is not None)

    @property
    def statement(self) -> PreparedText:
        """The statement, rendered once for all questions of its shape."""
        return _prepared(self._shape)

    def parameters(self) -> Mapping[str, Any]:
        """What the statement asks for; who asks is for others to say."""
        chosen = {parameter_of(name): list(choice.values) for name, choice in self._question.filters.items()}
        after = {f"after_{place}": value for place, value in enumerate(self._position or ())}
        return {"rows": self._question.limit + 1, **range_parameters(self._range), **chosen, **after}

    def answer(self, found: Sequence[Row]) -> Answer:
        """Read the rows of the statement."""
        totals = 0
        while totals < len(found) and found[totals][_PLACE] == TOTALS_PLACE:
            totals += 1
        end = totals + self._question.limit
        page = found[totals:end] if found[0][_PLACE] is not None else []
        return Answer(
            rows=page,
            totals=found[:totals],
            has_more=len(found) > end,
            position=self._position_of(page[-1]) if page else [],
            through=found[0][_THROUGH],
        )

    def _position_of(self, row: Row) -> list[str | None]:
        values: dict[str, str | None] = dict(zip((*HEADING, *self._shape.columns()), row, strict=True))
        if HOUR in values:
            values[HOUR], values[UTC_OFFSET] = str(values[HOUR]).rsplit(" ", 1)
        return [values[name] for name in self._shape.order()]


def columns_for(groups: Sequence[StatisticsGroup]) -> list[str]:
    """The columns of the statement's rows for these groups; after them comes what figures are ordered by, if so."""
    return [*HEADING, *Shape(tuple(groups)).columns()]


def statement(shape: Shape) -> Select[Any]:
    """The statement of a shape; sub ids are for those who may have member rows (R29)."""
    through = select(feed_progress.c.through).scalar_subquery()
    return answer_statement(found(shape), member_rows=by_sub(shape.groups), heading={"through": through})


@lru_cache(maxsize=256)
def _prepared(shape: Shape) -> PreparedText:
    return prepare_text(statement(shape))


def _shape_of(question: Question, parts: Sequence[Stretch], *, continued: bool) -> Shape:
    return Shape(
        question.groups,
        tuple((name, choice.excludes) for name, choice in sorted(question.filters.items())),
        question.sort,
        continued,
        len(parts) or 1,
    )


_ANY_FILTER = tuple((name, False) for name in StatisticsFilter)
EVERY_STATEMENT = tuple(
    statement(Shape((StatisticsGroup.CAMPAIGN, *subs), _ANY_FILTER)) for subs in ((), map(StatisticsGroup, SUB_GROUPS))
)
"""Over counters and over events: statements that together read every column that statistics may read."""
