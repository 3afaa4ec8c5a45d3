"""Facts in local time: the rows of a source that lie in a range of local days, and in which hour, day and so on."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Interval,
    Text,
    and_,
    bindparam,
    cast,
    func,
    select,
)
from sqlalchemy.types import TypeEngine

from partners.literals import text_literal
from partners.statistics.facts import Source
from partners.tables.partner import partner

_INSTANT = DateTime(timezone=True)
_WEBMASTER = select(partner.c.number).where(partner.c.id == bindparam("webmaster", type_=Text)).scalar_subquery()


def _list(name: str, type_: TypeEngine[Any]) -> ColumnElement[Any]:
    """A list with a value for each stretch; in a subquery because only there it can be indexed."""
    return select(bindparam(name, type_=ARRAY(type_))).scalar_subquery()


_STARTS = bindparam("starts", type_=ARRAY(_INSTANT))
_ENDS, _SHIFTS, _OFFSETS = _list("ends", _INSTANT), _list("shifts", Interval()), _list("offsets", Integer())


def _stretch(source: Source) -> ColumnElement[int]:
    """The place of the stretch that begins last before a row; zero where none does, and then its values are null."""
    return func.width_bucket(source.slot, _STARTS, type_=Integer)


def in_range(source: Source) -> ColumnElement[bool]:
    """What counts for one webmaster in the stretches of a range of local time.

    Parameters: `webmaster`, an id; `starts`, `ends`, `shifts` (what local time is ahead by) and `offsets` (the same in
    seconds), one for each stretch in order; `since` and `until`, which hold all of them, for the index.
    """
    return and_(
        source.webmaster == _WEBMASTER,
        source.at >= bindparam("since", type_=_INSTANT),
        source.at < bindparam("until", type_=_INSTANT),
        source.slot < _ENDS[_stretch(source)],
        source.counted,
    )


def periods(source: Source) -> dict[str, ColumnElement[Any]]:
    """In which periods of local time a row lies."""
    stretch = _stretch(source)
    local = func.timezone(text_literal("UTC"), source.slot, type_=DateTime) + _SHIFTS[stretch]
    hour, week, month = (func.date_trunc(text_literal(unit), local) for unit in ("hour", "week", "month"))
    return {
        # In UTC, so that it is in order: local hours repeat.
        "hour": cast(hour - _SHIFTS[stretch], DateTime),
        "utc_offset": _OFFSETS[stretch],
        "day": cast(local, Date),
        "week": cast(week, Date),
        "month": cast(month, Date),
    }
