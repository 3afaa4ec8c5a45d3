"""Stamps order writes of one attribute: by time, then by source and id of the event, in byte order (contract §9)."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
SEPARATOR = "\x1f"
_AFTER_EVERY_SOURCE = "\U0010ffff"


def of_event(time: datetime, source: str, event_id: str) -> str:
    """Return the stamp of an event; stamps compare as strings, by code point."""
    return SEPARATOR.join((_instant(time), source, event_id))


def later_than(stored: str | None, now: datetime) -> str:
    """Return a stamp of a direct change: not before `now`, and later than anything stored."""
    instant = max(_instant(now), stored.partition(SEPARATOR)[0] if stored else "")
    counter = stored.rpartition(SEPARATOR)[2] if stored and stored.startswith(_direct(instant)) else "0" * 12
    return f"{_direct(instant)}{int(counter) + 1:012d}"


def time_of(stamp: str) -> datetime:
    """Return the instant a stamp was made for."""
    return _EPOCH + int(stamp.partition(SEPARATOR)[0]) * _MICROSECOND


def _direct(instant: str) -> str:
    return SEPARATOR.join((instant, _AFTER_EVERY_SOURCE, ""))


def _instant(time: datetime) -> str:
    return f"{(time - _EPOCH) // _MICROSECOND:018d}"
