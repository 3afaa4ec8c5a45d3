"""Asking statistics: a question and a position become a page of rows with the totals of the whole."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from sqlalchemy import Connection, Row, select

from partners.statistics.counters import SLOT
from partners.statistics.questions import Answer, Line, Question
from partners.statistics.selects import statement
from partners.statistics.shapes import CURRENCY, Shape, parameter_of
from partners.statistics.stretches import stretches
from partners.tables.statistics import feed_progress
from partners.vocabulary import MONEY_METRICS, Metric, StatisticsGroup

_NONE_OF_ANYTHING = Line((), None, tuple(None if metric in MONEY_METRICS else 0 for metric in Metric))
_THROUGH = select(feed_progress.c.through)


def ask(
    connection: Connection, webmaster: str, question: Question, position: Sequence[str | None] | None = None
) -> Answer:
    """Answer a webmaster, named by its id; after `position` if there is one, which is of the same question."""
    shape = Shape(
        question.groups,
        tuple((name, choice.excludes) for name, choice in sorted(question.filters.items())),
        question.sort,
        continued=position is not None,
    )
    parameters = {"webmaster": webmaster, "rows": question.limit + 1, **_range(question), **_chosen(question)}
    parameters |= {f"after_{place}": value for place, value in enumerate(position or ())}
    found = connection.execute(statement(shape), parameters).all()
    rows = [row for row in found if not row[0]]
    page = rows[: question.limit]
    columns = shape.columns()
    return Answer(
        lines=_lines(page, shape),
        totals=_totals(_lines([row for row in found if row[0]], shape)),
        has_more=len(rows) > question.limit,
        position=[_text(page[-1][columns.index(name)]) for name in shape.order()] if page else [],
    )


def data_through(connection: Connection) -> datetime | None:
    """The newest time of any event that was applied, whomever it was about; None before the first."""
    return connection.execute(_THROUGH).scalar_one_or_none()


def _range(question: Question) -> dict[str, Any]:
    parts = stretches(question.first, question.last, question.zone)
    nowhere = datetime(1970, 1, 1, tzinfo=UTC)
    return {
        "starts": [part.start for part in parts],
        "ends": [part.end for part in parts],
        "shifts": [part.offset for part in parts],
        "offsets": [part.offset // timedelta(seconds=1) for part in parts],
        "since": parts[0].start if parts else nowhere,
        # An event stands in a slot that starts earlier.
        "until": parts[-1].end + SLOT if parts else nowhere,
    }


def _chosen(question: Question) -> dict[str, list[str]]:
    return {parameter_of(name): list(choice.values) for name, choice in question.filters.items()}


def _lines(rows: Sequence[Row[Any]], shape: Shape) -> list[Line]:
    currency = shape.columns().index(CURRENCY)
    first, last = currency + 1, currency + 1 + len(Metric)
    if StatisticsGroup.HOUR not in shape.groups:
        return [Line(row[1:currency], row[currency], row[first:last]) for row in rows]
    return [Line(_with_hours(row[1:currency], shape), row[currency], row[first:last]) for row in rows]


def _with_hours(keys: Sequence[Any], shape: Shape) -> tuple[Any, ...]:
    """The values of groups, of which an hour has two columns."""
    values = iter(keys)
    return tuple(
        _hour(next(values), next(values)) if group is StatisticsGroup.HOUR else next(values) for group in shape.groups
    )


def _hour(at: datetime | None, offset: int) -> datetime | None:
    """A local hour with its offset; a total has none."""
    return None if at is None else at.replace(tzinfo=UTC).astimezone(timezone(timedelta(seconds=offset)))


def _totals(found: Iterable[Line]) -> list[Line]:
    by_currency = {None: _NONE_OF_ANYTHING} | {line.currency: Line((), line.currency, line.figures) for line in found}
    return sorted(by_currency.values(), key=lambda line: (line.currency is None, line.currency or ""))


def _text(value: object) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, date) else str(value)
