"""The clock of usage data: 120 days after the last purchase, and what lapsed stays lapsed (R36, R37)."""

import random
from datetime import datetime, timedelta
from importlib import import_module

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from partners.feed.totals import Bought, new_totals
from partners.feed.usage_clock import UsageClock, clock_over
from partners.tables.member import member, purchase_total
from partners.usage import device_still_kept
from tests.feeding import IPHONE, START, Platform, at, purchased, refunded, registered

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def clock(*days: float) -> UsageClock:
    return clock_over(START, [START + day * DAY for day in days])


def test_who_never_bought_is_counted_from_the_registration() -> None:
    assert clock() == UsageClock(START)


def test_gap_of_exactly_120_days_is_covered() -> None:
    assert clock(120, 240) == UsageClock(START + 240 * DAY)


def test_gap_of_a_second_more_lapses_what_was_seen_before_its_end() -> None:
    late = START + 120 * DAY + SECOND

    assert clock_over(START, [late]) == UsageClock(late, late)


def test_last_gap_decides() -> None:
    assert clock(200, 210, 400, 410) == UsageClock(START + 410 * DAY, START + 400 * DAY)


def test_of_purchases_before_the_registration_the_last_one_counts() -> None:
    assert clock(-10) == UsageClock(START - 10 * DAY)
    assert clock(-200) == UsageClock(START - 200 * DAY)
    assert clock(-10, 115) == UsageClock(START + 115 * DAY, START + 115 * DAY)


@given(st.lists(st.integers(-400, 900), max_size=6), st.integers(0, 900), st.integers(1, 900))
def test_what_is_withheld_when_something_is_bought_stays_withheld(days: list[int], seen: int, after: int) -> None:
    now = START + (seen + after) * DAY
    bought = [START + day * DAY for day in days if START + day * DAY < now]
    before, later = clock_over(START, bought), clock_over(START, [*bought, now])

    assert later.keeps(START + seen * DAY, at=now) == before.keeps(START + seen * DAY, at=now)


def test_what_was_seen_is_kept_for_120_days_and_from_the_end_of_the_last_gap_on() -> None:
    kept = UsageClock(START, kept_from=START - DAY)

    assert kept.keeps(START - DAY, at=START + 120 * DAY)
    assert not kept.keeps(START - DAY - SECOND, at=START)
    assert not kept.keeps(START, at=START + 120 * DAY + SECOND)


@given(st.lists(st.integers(-400, 900), max_size=12), st.randoms())
def test_purchases_one_by_one_in_any_order_give_the_same_clock(days: list[int], luck: random.Random) -> None:
    totals = new_totals(START)
    for number, day in enumerate(days):
        totals.add(str(number), Bought(START + day * DAY, 1, 1, "EUR"))
    expected = clock_over(START, [START + day * DAY for day in days])
    shuffled = new_totals(START)
    for number, day in luck.sample(list(enumerate(days)), len(days)):
        shuffled.add(str(number), Bought(START + day * DAY, 1, 1, "EUR"))

    assert totals.clock == shuffled.clock == expected


def stored(platform: Platform) -> tuple[datetime, str]:
    return platform.totals()["usage_clock_at"], platform.kept_from()


def test_clock_is_stored_with_the_totals(platform: Platform) -> None:
    platform.must(registered(registered_at="2026-01-01T00:00:00Z"), purchased("p1", time=at()))

    assert stored(platform) == (START, "2026-10-01 12:00:00+00")


@pytest.mark.parametrize(
    ("days", "kept_from"),
    [
        ((-10, 115), "2027-01-24 12:00:00+00"),
        ((-200, 5), "2026-10-06 12:00:00+00"),
        ((-10,), "-infinity"),
        ((5,), "2026-10-02 12:00:00+00"),
    ],
)
def test_clocks_of_who_bought_before_are_put_right(platform: Platform, days: tuple[int, ...], kept_from: str) -> None:
    """Stored ones, by migration 0025; those of nobody else."""
    platform.now = at(days=900)
    platform.must(registered(), *(purchased(f"p{day}", time=at(days=day)) for day in days))
    with platform.db.write.begin() as connection:
        connection.execute(update(purchase_total).values(usage_kept_from=at(days=1)))
        connection.execute(import_module("migrations.versions.0025_clocks_of_who_bought_before").CLOCKS)

    assert platform.kept_from() == kept_from


def test_refund_leaves_the_clock(platform: Platform) -> None:
    platform.must(registered(), purchased(time=at(days=5)), refunded(time=at(days=6)))

    assert stored(platform) == (at(days=5), "-infinity")


@pytest.mark.parametrize("batch_lines", [1, 100])
def test_purchase_that_arrives_late_fills_its_gap(platform: Platform, batch_lines: int) -> None:
    registered_at = "2026-01-01T00:00:00Z"
    platform.must(registered(registered_at=registered_at), purchased("p1", time=at(days=1)), batch_lines=batch_lines)
    assert stored(platform) == (at(days=1), "2026-10-02 12:00:00+00")

    platform.must(purchased("p2", time=at(days=-100)), purchased("p3", time=at(days=-160)), batch_lines=batch_lines)

    assert stored(platform) == (at(days=1), "-infinity")


def test_purchases_from_before_the_registration_may_come_one_by_one(platform: Platform) -> None:
    """Each later than the last, and none the newest thing that is known."""
    platform.must(registered(), purchased("p1", time=at(days=-10)))
    platform.must(purchased("p2", time=at(days=-5)))

    assert stored(platform) == (at(days=-5), "-infinity")
    assert platform.totals()["count"] == 2


def test_late_purchase_moves_the_end_of_the_last_gap(platform: Platform) -> None:
    platform.must(registered(registered_at="2025-01-01T00:00:00Z"), purchased("p1", time=at(days=1)))
    platform.must(purchased("p2", time=at(days=-30)))

    assert stored(platform) == (at(days=1), "2026-09-01 12:00:00+00")


@pytest.mark.parametrize("days", [(), (100,), (120,), (121,), (-10,), (-10, 115), (130, 200), (60, 180)])
def test_the_database_and_the_feed_agree_on_what_is_kept(platform: Platform, days: tuple[int, ...]) -> None:
    """One withholds by it, the other counts devices by it."""
    platform.now = at(days=900)
    bought = [purchased(f"p{day}", time=at(days=day)) for day in days]
    platform.must(registered(user_agent=IPHONE), *bought)
    known = clock(*days)
    edges = [known.at + 120 * DAY + luck for luck in (-SECOND, timedelta(), SECOND)] + [START, START + 120 * DAY]

    kept = select(device_still_kept()).select_from(member.join(purchase_total))
    with platform.db.write.connect() as connection:
        found = [connection.execute(kept, {"now": edge}).scalar_one() for edge in edges]

    assert found == [known.keeps(START, at=edge) for edge in edges]
