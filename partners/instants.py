"""Instants as RFC 3339 writes them."""

import re
from contextlib import suppress
from datetime import UTC, datetime

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
