"""Local time: a range of local days as stretches of UTC in each of which the zone's offset stays the same.

The zone's rules are asked of Python alone: a database may know other rules, or not know the zone at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Stretch:
    """From `start` until before `end`, local time is UTC plus `offset`."""

    start: datetime
    end: datetime
    offset: timedelta


def stretches(first: date, last: date, zone: ZoneInfo) -> list[Stretch]:
    """The instants whose local date lies between two days, both inclusive, in order.

    A day may have 23 or 25 hours, come in two pieces (where clocks were put back across midnight), or none at all.
    """
    begins = datetime.combine(first, time.min, tzinfo=UTC)
    ends = datetime.combine(last, time.min, tzinfo=UTC) + _DAY
    clipped = (
        Stretch(max(each.start, begins - each.offset), min(each.end, ends - each.offset), each.offset)
        # No zone is a whole day away from UTC.
        for each in _with_one_offset(begins - _DAY, ends + _DAY, zone)
    )
    return [each for each in clipped if each.start < each.end]


def _with_one_offset(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[Stretch]:
    at, offset = start, _offset(start, zone)
    while at < end:
        following = min(at + _DAY, end)
        if _offset(following, zone) == offset:
            at = following
            continue
        at = _next_offset(at, following, zone)
        yield Stretch(start, at, offset)
        start, offset = at, _offset(at, zone)
    yield Stretch(start, end, offset)


def _next_offset(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first second with another offset than `before` has; `after` has one."""
    offset = _offset(before, zone)
    while after - before > _SECOND:
        middle = before + (after - before) // 2 // _SECOND * _SECOND
        if _offset(middle, zone) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    offset = at.astimezone(zone).utcoffset()
    if offset is None:
        raise ValueError("a zone has an offset at every instant")
    return offset
