"""Local days in every zone: each instant belongs to one day, whatever the clocks do."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partners.statistics.stretches import Stretch, stretches

zones = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
days = st.dates(date(1970, 1, 2), date(2037, 12, 30))


@given(zones, days, st.integers(0, 40), st.integers(-3 * 86_400, 43 * 86_400))
@settings(max_examples=500, deadline=None)
def test_an_instant_is_in_the_range_if_its_local_date_is(zone: ZoneInfo, first: date, more: int, second: int) -> None:
    last = first + timedelta(days=more)
    instant = datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(seconds=second)
    local = instant.astimezone(zone)

    holding = [each for each in stretches(first, last, zone) if each.start <= instant < each.end]

    assert len(holding) == (first <= local.date() <= last)
    assert all(each.offset == local.utcoffset() for each in holding)


def test_the_days_of_two_years_add_up_in_every_zone() -> None:
    """Neither a gap nor an overlap, at any change of offset."""
    for zone in sorted(available_timezones()):
        parts = stretches(date(2026, 1, 1), date(2027, 12, 31), ZoneInfo(zone))

        assert all(one.end == following.start for one, following in pairwise(parts)), zone
        assert all(one.offset != following.offset for one, following in pairwise(parts)), zone
        assert parts[0].start + parts[0].offset == datetime(2026, 1, 1, tzinfo=UTC), zone
        assert parts[-1].end + parts[-1].offset == datetime(2028, 1, 1, tzinfo=UTC), zone


def hours(zone: str, day: date) -> float:
    return sum((each.end - each.start for each in stretches(day, day, ZoneInfo(zone))), timedelta()) / timedelta(
        hours=1
    )


@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("Europe/Luxembourg", date(2026, 10, 1), 24),
        ("Europe/Luxembourg", date(2026, 3, 29), 23),
        ("Europe/Luxembourg", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Africa/Cairo", date(2026, 4, 24), 23),
        ("Pacific/Apia", date(2011, 12, 30), 0),
    ],
)
def test_days_are_as_long_as_they_are(zone: str, day: date, length: float) -> None:
    assert hours(zone, day) == length


def test_a_day_may_come_in_two_pieces() -> None:
    """In St. John's clocks once went back at one minute past midnight: to the day before."""
    day, zone = date(2010, 11, 7), ZoneInfo("America/St_Johns")

    assert stretches(day, day, zone) == [
        Stretch(
            datetime(2010, 11, 7, 2, 30, tzinfo=UTC), datetime(2010, 11, 7, 2, 31, tzinfo=UTC), timedelta(hours=-2.5)
        ),
        Stretch(
            datetime(2010, 11, 7, 3, 30, tzinfo=UTC), datetime(2010, 11, 8, 3, 30, tzinfo=UTC), timedelta(hours=-3.5)
        ),
    ]
