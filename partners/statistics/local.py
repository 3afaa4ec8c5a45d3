"""Facts in local time: the rows of a source that lie in a range of local days, and in which hour, day and so on.

A range comes in stretches of one offset (`partners.statistics.stretches`), each with parameters of its own, by its
place: `start_0`, `end_0`, `shift_0` (what local time is ahead by) and `offset_0` (the same in seconds).
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    FromClause,
    Integer,
    Interval,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
)
from sqlalchemy.types import TypeEngine

from partners.instants import QUARTER_HOUR
from partners.postgres.literals import text_literal
from partners.statistics.facts import Source
from partners.statistics.shapes import HOUR, UTC_OFFSET
from partners.statistics.stretches import Stretch

_INSTANT = DateTime(timezone=True)
_SECOND = timedelta(seconds=1)
_NOWHERE = Stretch(datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC), timedelta())
_LENGTHS = {HOUR: "1 hour", "day": "1 day", "week": "7 days"}
PERIODS = (*_LENGTHS, "month")
_A_MONDAY = literal_column("timestamptz '2001-01-01 00:00:00+00'", _INSTANT)


def range_parameters(parts: Sequence[Stretch]) -> dict[str, Any]:
    """The parameters of a range; a range of no instant at all is one that holds none.

    A row belongs where its quarter hour starts, so bounds are moved to the next start of one: then they tell the same
    of every instant in it.
    """
    parameters: dict[str, Any] = {}
    for place, each in enumerate(parts or [_NOWHERE]):
        seconds = each.offset // _SECOND
        bounds = {f"start_{place}": _next_slot(each.start), f"end_{place}": _next_slot(each.end)}
        # In seconds alone: days, and so days with hours taken off, would be counted through the calendar.
        parameters |= {**bounds, f"offset_{place}": seconds, f"shift_{place}": f"{seconds} seconds"}
    return parameters


def in_range(source: Source, stretches: int) -> ColumnElement[bool]:
    """What lies in the range, by the column that an index leads to."""
    within = (and_(source.at >= _start(place), source.at < _end(place)) for place in range(stretches))
    return (
        and_(source.at >= _start(0), source.at < _end(stretches - 1), or_(*within)) if stretches > 1 else next(within)
    )


def periods(source: Source, stretches: int) -> dict[str, ColumnElement[Any]]:
    """In which periods of local time a row lies, told by their start as UTC's clock would show it.

    Plain arithmetic as far as it goes, since it is done for every row: calendars wait until few rows are left.
    """
    local = source.slot + _of_stretch(source, stretches, "shift", Interval())
    return {
        **{name: _binned(length, local) for name, length in _LENGTHS.items()},
        # By the connection's own zone, which is UTC: to name one would have it looked up for every row.
        "month": func.date_trunc(text_literal("month"), local, type_=_INSTANT),
        UTC_OFFSET: _of_stretch(source, stretches, "offset", Integer()),
    }


def told(name: str, keys: FromClause) -> ColumnElement[Any]:
    """A period as rows are ordered by it: a date; an hour in UTC, as local ones repeat when clocks go back."""
    clock = func.timezone(text_literal("UTC"), keys.c[name], type_=DateTime())
    if name == HOUR:
        return cast(clock - keys.c[UTC_OFFSET] * literal_column("interval '1 second'", Interval), DateTime())
    return cast(clock, Date)


def _binned(length: str, local: ColumnElement[datetime]) -> ColumnElement[datetime]:
    return func.date_bin(literal_column(f"interval '{length}'", Interval), local, _A_MONDAY, type_=_INSTANT)


def _of_stretch(source: Source, stretches: int, name: str, type_: TypeEngine[Any]) -> ColumnElement[Any]:
    values = [cast(bindparam(f"{name}_{place}", type_=type_), type_) for place in range(stretches)]
    earlier = [(source.at < _end(place), value) for place, value in enumerate(values[:-1])]
    return case(*earlier, else_=values[-1]) if earlier else values[-1]


def _next_slot(instant: datetime) -> datetime:
    return instant + (_NOWHERE.start - instant) % QUARTER_HOUR


def _start(place: int) -> ColumnElement[datetime]:
    return bindparam(f"start_{place}", type_=_INSTANT)


def _end(place: int) -> ColumnElement[datetime]:
    return bindparam(f"end_{place}", type_=_INSTANT)
