"""Instants are those of RFC 3339 and no others, wherever they are read."""

from datetime import UTC, datetime

import pytest

from partners.instants import read_instant


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-10-01T12:00:00Z", utc(2026, 10, 1, 12)),
        ("2026-10-01t12:00:00z", utc(2026, 10, 1, 12)),
        ("2026-10-01T12:00:00-00:00", utc(2026, 10, 1, 12)),
        ("2026-10-01T00:30:00+02:00", utc(2026, 9, 30, 22, 30)),
        ("2026-10-01T12:00:00.5Z", utc(2026, 10, 1, 12, 0, 0, 500_000)),
        ("2026-10-01T12:00:00.1234569999Z", utc(2026, 10, 1, 12, 0, 0, 123_456)),
        ("0001-01-01T00:00:00Z", utc(1, 1, 1)),
        ("9999-12-31T23:59:59.999999Z", utc(9999, 12, 31, 23, 59, 59, 999_999)),
    ],
)
def test_instants(text: str, instant: datetime) -> None:
    assert (read_instant(text), read_instant(text).tzinfo) == (instant, UTC)


@pytest.mark.parametrize(
    "text",
    [
        "", "now", "2026-10-01", "2026-10-01T12:00:00", "2026-10-01 12:00:00Z", "2026-10-01T12:00Z", "20261001T120000Z",
        "2026-W44-1 00+01", "2026-W44-1T00:00:00Z", "2026-02-30T12:00:00Z", "2026-10-01T24:00:00Z",
        "2026-10-01T23:59:60Z", "2026-10-01T12:00:00+24:00", "2026-10-01T12:00:00+01:60", "2026-10-01T12:00:00+01",
        "2026-10-01T12:00:00+01:00:30", "2026-10-01T12:00:00,5Z", "2026-10-01T12:00:00.Z", "2026-10-01T12:00:00Z\n",
        "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "２０２６-10-01T12:00:00Z",
        "2026-10-01T12:000:0Z",
    ],
)  # fmt: skip
def test_what_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match="no RFC 3339 instant"):
        read_instant(text)
