"""When a request is due, how far that may be put off, and when a right may be used again."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from partners.months import months_after

MONTHS_TO_ANSWER = 1
LONGEST = timedelta(days=60)
"""From receipt, in all (R47)."""
KNOW_LIMIT = 2
KNOW_MONTHS = 12
"""How often `know` may be asked for within any so many months (R58)."""


def due(received_at: datetime) -> datetime:
    """One calendar month after receipt (R47): the request of 31 January is due on the last of February."""
    return months_after(received_at, MONTHS_TO_ANSWER)


def extended(received_at: datetime) -> datetime:
    """The furthest a reasoned extension can go: 60 days from receipt in all (R47)."""
    return received_at + LONGEST


def know_available_from(earlier: Sequence[datetime], received_at: datetime) -> datetime | None:
    """When `know` is possible again, if one received now would be the third in a rolling twelve months (R58)."""
    times = sorted((*earlier, received_at))
    crowded = any(
        months_after(first, KNOW_MONTHS) > third for first, third in zip(times, times[KNOW_LIMIT:], strict=False)
    )
    return months_after(sorted(earlier)[-KNOW_LIMIT], KNOW_MONTHS) if crowded else None
