"""The months of statements: UTC calendar months, final from the third day of the next (contract §3)."""

from datetime import UTC, date, datetime, timedelta

FINAL_AFTER = timedelta(days=2)
_LONGEST_MONTH = timedelta(days=31)


def month_of(instant: datetime) -> date:
    """The first day of the UTC month an instant falls in."""
    return instant.astimezone(UTC).date().replace(day=1)


def is_final(month: date, now: datetime) -> bool:
    """Whether a month's statement can change no more: from the third day of the next month, 00:00 UTC."""
    following = (month + _LONGEST_MONTH).replace(day=1)
    return now >= datetime(following.year, following.month, 1, tzinfo=UTC) + FINAL_AFTER


def booked_month(at: datetime, now: datetime) -> date:
    """The month in whose statement something stands: its own, or that of application where its own is final."""
    month = month_of(at)
    return month_of(now) if is_final(month, now) else month
