"""UTC calendar months; those of statements are final from the third day of the next (contract §3)."""

import calendar
from datetime import UTC, date, datetime, timedelta

FINAL_AFTER = timedelta(days=2)


def month_of(instant: datetime) -> date:
    """The first day of the UTC month an instant falls in."""
    return instant.astimezone(UTC).date().replace(day=1)


def next_month(month: date, count: int = 1) -> date:
    """The first day of the month so many months after one that is given by its first day."""
    months = month.month - 1 + count
    return month.replace(year=month.year + months // 12, month=months % 12 + 1)


def beginning_of(month: date) -> datetime:
    """The first instant of a month that is given by its first day."""
    return datetime(month.year, month.month, month.day, tzinfo=UTC)


def months_after(instant: datetime, months: int) -> datetime:
    """Return the same UTC day and time so many calendar months later, or that month's last day where it is shorter."""
    instant = instant.astimezone(UTC)
    years, month = divmod(instant.month - 1 + months, 12)
    year = instant.year + years
    day = min(instant.day, calendar.monthrange(year, month + 1)[1])
    return instant.replace(year=year, month=month + 1, day=day)


def first_open_month(now: datetime) -> date:
    """The first month that is not final: all before it are, and change no more (contract §3)."""
    return month_of(now - FINAL_AFTER)


def is_final(month: date, now: datetime) -> bool:
    """Whether a month's statement can change no more: from the third day of the next month, 00:00 UTC."""
    return month < first_open_month(now)


def booked_month(at: datetime, now: datetime) -> date:
    """The month in whose statement something stands: its own, or that of application where its own is final."""
    month = month_of(at)
    return month_of(now) if is_final(month, now) else month
