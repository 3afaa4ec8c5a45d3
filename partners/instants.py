"""Instants as RFC 3339 writes them, and in SQL the UTC days that they fall on."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import ColumnElement, Date, DateTime, cast, func

from partners.postgres.literals import text_literal

QUARTER_HOUR = timedelta(minutes=15)
"""What statistics count in (contract §3)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHAPE = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-5][0-9])",
    re.IGNORECASE,
)


def read_instant(text: str) -> datetime:
    """Read an instant with its seconds and offset, in UTC; more digits than microseconds have are cut off.

    Raise `ValueError` where a text is none, or one before the year 1 or after 9999. A leap second is none.
    """
    if _SHAPE.fullmatch(text):
        with suppress(ValueError, OverflowError):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    raise ValueError("no RFC 3339 instant")


def start_of_quarter_hour(instant: datetime) -> datetime:
    """The first instant of the quarter hour in which an instant falls."""
    return instant - (instant - _EPOCH) % QUARTER_HOUR


def utc_day(instant: ColumnElement[datetime]) -> ColumnElement[date]:
    """The day an instant falls on in UTC, whatever the session's time zone."""
    return cast(func.timezone(text_literal("UTC"), instant), Date)


def start_of_utc_day(day: ColumnElement[date]) -> ColumnElement[datetime]:
    """The first instant of a day in UTC."""
    return func.timezone(text_literal("UTC"), cast(day, DateTime))
