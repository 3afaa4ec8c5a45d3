"""Due dates count calendar months, extensions end at 60 days, and `know` is possible twice in twelve months."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partners.months import months_after
from partners.rights.due import due, extended, know_available_from

INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (datetime(2026, 1, 31, 23, 59, tzinfo=UTC), datetime(2026, 2, 28, 23, 59, tzinfo=UTC)),
        (datetime(2028, 1, 31, tzinfo=UTC), datetime(2028, 2, 29, tzinfo=UTC)),
        (datetime(2026, 12, 15, tzinfo=UTC), datetime(2027, 1, 15, tzinfo=UTC)),
        (datetime(2026, 4, 30, tzinfo=UTC), datetime(2026, 5, 30, tzinfo=UTC)),
        (datetime(2026, 2, 1, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 2, 28, 22, tzinfo=UTC)),
        (datetime(2026, 1, 31, tzinfo=timezone(timedelta(hours=2))), datetime(2026, 2, 28, 22, tzinfo=UTC)),
    ],
)
def test_due_is_one_calendar_month_after_receipt(received: datetime, expected: datetime) -> None:
    assert due(received) == expected


@given(INSTANTS)
def test_an_extension_always_moves_the_due_date_and_never_past_sixty_days(received: datetime) -> None:
    assert due(received) < extended(received) == received + timedelta(days=60)


def test_the_third_know_waits_until_the_first_is_twelve_months_old() -> None:
    first, second = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC)
    a_year_later = datetime(2027, 3, 1, tzinfo=UTC)

    assert know_available_from([first], second) is None
    assert know_available_from([first, second], a_year_later - timedelta(seconds=1)) == a_year_later
    assert know_available_from([first, second], a_year_later) is None


def test_of_more_requests_to_know_the_newest_two_say_when_the_next_is_possible() -> None:
    long_ago, first = datetime(2023, 3, 1, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC)
    second = datetime(2025, 9, 1, tzinfo=UTC)
    a_year_later = datetime(2026, 3, 1, tzinfo=UTC)

    assert know_available_from([long_ago, first, second], a_year_later - timedelta(days=9)) == a_year_later


@given(st.lists(INSTANTS, max_size=8))
def test_no_twelve_months_ever_hold_three_that_were_let_through(asked: list[datetime]) -> None:
    let_through: list[datetime] = []
    for received in asked:
        if know_available_from(let_through, received) is None:
            let_through.append(received)

    ordered = sorted(let_through)
    assert all(third >= months_after(first, 12) for first, third in zip(ordered, ordered[2:], strict=False))


@given(st.lists(INSTANTS, min_size=2, max_size=2), INSTANTS)
def test_from_the_date_named_on_it_is_let_through(earlier: list[datetime], received: datetime) -> None:
    available_from = know_available_from(earlier, received)

    if available_from is not None:
        assert available_from > received or received < max(earlier)
        assert know_available_from(earlier, max(available_from, *earlier)) is None
