"""What may be asked of statistics, and how the answer is written."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from partners.statistics import Choice, Line, Question, Sort
from partners.vocabulary import Metric, StatisticsFilter, StatisticsGroup
from serializers.lines import Form, lines_of
from serializers.statistics import Asked, StatisticsQuery, documents, row_schema, totals

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


FIGURES = (0, 0, 0, 2, 3, 210, 8820, 1, 2940, 1176)
CLICKS = (120, 90, 0, 0, 0, 0, None, 0, None, None)
AT = datetime(2026, 10, 1, 13, tzinfo=timezone(timedelta(hours=2)))


def test_rows_are_written_as_in_the_contract() -> None:
    lines = [
        Line((date(2026, 10, 1), "spring", None), None, CLICKS),
        Line((date(2026, 10, 1), "spring", "LU"), "EUR", FIGURES),
    ]

    clicks, money = documents(lines, (DAY, CAMPAIGN, COUNTRY))

    assert list(clicks.items()) == list(
        {
            "day": "2026-10-01",
            "campaign": "spring",
            "country": None,
            "currency": None,
            "clicks": 120,
            "unique_clicks": 90,
            "registrations": 0,
            "first_purchases": 0,
            "purchases": 0,
            "credits": 0,
            "amount": None,
            "refunds": 0,
            "refunded_amount": None,
            "income": None,
        }.items()
    )
    assert [money[name] for name in ("country", "currency", "amount", "refunded_amount", "income")] == [
        "LU",
        "EUR",
        "88.20",
        "29.40",
        "11.76",
    ]
    assert totals([Line((), "EUR", FIGURES)]) == [
        {name: value for name, value in money.items() if name not in {"day", "campaign", "country"}}
    ]


@pytest.mark.parametrize(
    ("group", "value", "said"),
    [
        (HOUR, AT, "2026-10-01T13:00+02:00"),
        (HOUR, AT.astimezone(UTC), "2026-10-01T11:00+00:00"),
        (DAY, AT.date(), "2026-10-01"),
        (WEEK, date(2026, 9, 28), "2026-09-28"),
        (MONTH, date(2026, 10, 1), "2026-10"),
    ],
)
def test_times_are_written_as_in_the_contract(group: StatisticsGroup, value: Any, said: str) -> None:
    assert documents([Line((value,), None, CLICKS)], (group,))[0][group] == said


def test_money_has_the_decimals_of_its_currency() -> None:
    yen, dinar = totals([Line((), "JPY", FIGURES), Line((), "KWD", (*FIGURES[:-1], -5))])

    assert (yen["amount"], dinar["amount"], dinar["income"]) == ("8820", "8.820", "-0.005")


def test_a_csv_has_the_columns_of_the_rows_and_no_formulas() -> None:
    groups = (CAMPAIGN, StatisticsGroup.SUB1)
    lines = lines_of(Form.CSV, row_schema(groups))
    rows = documents([Line(("spring", "=1+1"), "EUR", (*FIGURES[:-1], -5))], groups)

    head, row = (part.decode().rstrip("\r\n") for part in (lines.head(), lines.of(rows)))

    assert head.split(",") == list(rows[0])
    assert row == "spring,'=1+1,EUR,0,0,0,2,3,210,88.20,1,29.40,-0.05"
