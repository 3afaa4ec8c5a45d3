"""Statements: all members' income by month and currency, listed once it is final."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from partners import statements
from partners.months import first_open_month, is_final
from partners.postgres.database import Database
from partners.statements import Statement
from tests.factories import add_member, add_partner, add_purchase, add_reversal, count_events
from tests.partners.statistics_asking import fetch

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
NEW_YEAR = datetime(2027, 1, 15, tzinfo=UTC)
DAY_IN = {month: datetime(month.year, month.month, 20, tzinfo=UTC) for month in (OCTOBER, NOVEMBER)}


@pytest.fixture
def booked(db: Database) -> Database:
    """October and November of w1, a member who is withheld among them; one purchase of w2."""
    with db.write.begin() as connection:
        first, second = (add_partner(connection, name) for name in ("w1", "w2"))
        shared = add_member(connection, "m1", webmaster=first)
        withheld = add_member(connection, "m2", webmaster=first, affiliate_sharing=False)
        foreign = add_member(connection, "m3", webmaster=second)
        add_purchase(connection, shared, "p1", income=10_000, at=DAY_IN[OCTOBER])
        add_purchase(connection, withheld, "p2", income=7_164, at=DAY_IN[OCTOBER], counted=False)
        add_purchase(connection, shared, "p3", income=1_200, at=DAY_IN[OCTOBER])
        add_reversal(connection, "p3", at=DAY_IN[OCTOBER])
        add_purchase(connection, shared, "p4", income=500, currency="JPY", at=DAY_IN[NOVEMBER])
        add_reversal(connection, "p1", at=DAY_IN[NOVEMBER])
        add_purchase(connection, shared, "p5", income=0, currency="USD", at=DAY_IN[NOVEMBER])
        add_purchase(connection, foreign, "p6", income=1, at=DAY_IN[NOVEMBER])
        count_events(connection)
    return db


def listed(db: Database, now: datetime, month: date | None = None) -> list[Statement]:
    with db.write.connect() as connection:
        return statements.listed(fetch(connection, "w1", *statements.asking(now=now, month=month)))


def test_income_of_all_members_by_month_and_currency_newest_first(booked: Database) -> None:
    """R10: the withheld included, and what earned nothing leaves no trace."""
    october = Statement(OCTOBER, "EUR", earned=18_364, reversed=-1_200)

    assert listed(booked, NEW_YEAR) == [
        Statement(NOVEMBER, "EUR", earned=0, reversed=-10_000),
        Statement(NOVEMBER, "JPY", earned=500, reversed=0),
        october,
    ]
    assert listed(booked, NEW_YEAR, OCTOBER) == [october]
    assert october.payable == 17_164


def test_a_month_is_listed_from_the_third_day_of_the_next(booked: Database) -> None:
    last_moment = datetime(2026, 12, 2, 23, 59, 59, tzinfo=UTC)

    assert {each.month for each in listed(booked, last_moment)} == {OCTOBER}
    assert listed(booked, last_moment, NOVEMBER) == []
    assert {each.month for each in listed(booked, datetime(2026, 12, 3, tzinfo=UTC))} == {OCTOBER, NOVEMBER}


@given(st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - Hypothesis adds the zone
def test_exactly_the_months_before_the_first_open_one_are_final(now: datetime) -> None:
    first_open = first_open_month(now)
    before = date(first_open.year - (first_open.month == 1), (first_open.month - 2) % 12 + 1, 1)

    assert not is_final(first_open, now)
    assert is_final(before, now)
