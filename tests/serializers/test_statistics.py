"""What may be asked of statistics."""

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from partners.statistics import Choice, Question, Sort
from partners.vocabulary import Metric, StatisticsFilter, StatisticsGroup
from serializers.statistics import Asked, StatisticsQuery

RANGE = {"from": "2026-10-01", "to": "2026-10-31"}
HOUR, DAY, WEEK, MONTH = (StatisticsGroup(name) for name in ("hour", "day", "week", "month"))
CAMPAIGN, COUNTRY = StatisticsGroup.CAMPAIGN, StatisticsGroup.COUNTRY


def asked(**query: Any) -> Asked:
    loaded: Asked = StatisticsQuery().load(RANGE | query)
    return loaded


def test_by_days_in_utc_unless_asked_otherwise() -> None:
    assert asked() == Asked(Question(date(2026, 10, 1), date(2026, 10, 31), ZoneInfo("UTC"), (DAY,), limit=1_000))


def test_everything_that_can_be_asked() -> None:
    found = asked(
        timezone="Asia/Kathmandu",
        group_by="month,campaign,sub3,device_type",
        campaign="spring",
        country="LU,FR",
        site="-main",
        device_type="-bot,-tv",
        currency="-EUR,USD",
        sort="-income",
        limit="10000",
        cursor="abc",
    )

    assert found.cursor == "abc"
    assert found.question == Question(
        date(2026, 10, 1),
        date(2026, 10, 31),
        ZoneInfo("Asia/Kathmandu"),
        (MONTH, CAMPAIGN, StatisticsGroup.SUB3, StatisticsGroup.DEVICE_TYPE),
        {
            StatisticsFilter.CAMPAIGN: Choice(("spring",)),
            StatisticsFilter.SITE: Choice(("main",), excludes=True),
            StatisticsFilter.COUNTRY: Choice(("LU", "FR")),
            StatisticsFilter.DEVICE_TYPE: Choice(("bot", "tv"), excludes=True),
            StatisticsFilter.CURRENCY: Choice(("EUR", "USD"), excludes=True),
        },
        Sort(Metric.INCOME, descending=True),
        10_000,
    )


def test_400_days_are_not_too_many() -> None:
    assert asked(**{"from": "2026-01-01", "to": "2027-02-04"}).question.last == date(2027, 2, 4)


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"to": "2027-11-05"}, {"to"}),
        ({"to": "2026-09-30"}, {"to"}),
        ({"from": "2026-10-32"}, {"from"}),
        ({"timezone": "Mars/Olympus"}, {"timezone"}),
        ({"group_by": ""}, {"group_by"}),
        ({"group_by": "day,day"}, {"group_by"}),
        ({"group_by": "city"}, {"group_by"}),
        ({"group_by": "username"}, {"group_by"}),
        ({"group_by": "day,campaign,site,country,device_type"}, {"group_by"}),
        ({"campaign": ""}, {"campaign"}),
        ({"campaign": "spring,"}, {"campaign"}),
        ({"campaign": "spring,-summer"}, {"campaign"}),
        ({"site": "-"}, {"site"}),
        ({"country": "lu"}, {"country"}),
        ({"country": "LUX"}, {"country"}),
        ({"device_type": "fridge"}, {"device_type"}),
        ({"currency": "XXX"}, {"currency"}),
        ({"sort": "country"}, {"sort"}),
        ({"sort": "--income"}, {"sort"}),
        ({"sort": "username"}, {"sort"}),
        ({"limit": "0"}, {"limit"}),
        ({"limit": "10001"}, {"limit"}),
        ({"sub1": "banner-7"}, {"sub1"}),
        ({"city": "Esch"}, {"city"}),
        ({"to": "2026-09-30", "sort": "country", "city": "Esch", "limit": "x"}, {"to", "sort", "city", "limit"}),
    ],
)
def test_faults_are_all_named(query: dict[str, str], wrong: set[str]) -> None:
    with pytest.raises(ValidationError) as raised:
        StatisticsQuery().load(RANGE | query)

    assert set(raised.value.messages_dict) == wrong


def test_a_range_is_required() -> None:
    with pytest.raises(ValidationError) as raised:
        StatisticsQuery().load({})

    assert set(raised.value.messages_dict) == {"from", "to"}


@given(st.dictionaries(st.sampled_from([*RANGE, *StatisticsQuery().fields, "city"]), st.text(max_size=30)))
def test_no_query_breaks_the_reader(query: dict[str, str]) -> None:
    try:
        found = StatisticsQuery().load(RANGE | query)
    except ValidationError:
        return
    assert isinstance(found, Asked)


def test_a_cursor_is_bound_to_everything_but_the_page_s_size() -> None:
    one = asked(country="LU", sort="day").identity()

    assert one == asked(country="LU", sort="day", limit="5", cursor="x").identity()
    others = [
        {"country": "FR", "sort": "day"},
        {"country": "-LU", "sort": "day"},
        {"country": "LU", "sort": "-day"},
        {"country": "LU"},
        {"country": "LU", "sort": "day", "group_by": "day,site"},
        {"country": "LU", "sort": "day", "timezone": "Asia/Kathmandu"},
        {"country": "LU", "sort": "day", "to": "2026-10-30"},
        {"site": "LU", "sort": "day"},
    ]
    assert all(asked(**other).identity() != one for other in others)
