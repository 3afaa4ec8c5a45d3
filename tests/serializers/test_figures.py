"""How statistics are written."""

from typing import Any

import pytest

from partners.postgres.prepared import Row
from partners.vocabulary import Metric, StatisticsGroup
from serializers.figures import documents, row_schema, totals
from serializers.lines import Form, lines_of

HOUR, DAY, WEEK, MONTH = (StatisticsGroup(name) for name in ("hour", "day", "week", "month"))
CAMPAIGN, COUNTRY = StatisticsGroup.CAMPAIGN, StatisticsGroup.COUNTRY
FIGURES = (0, 0, 0, 2, 3, 210, "88.20", 1, "29.40", "11.76")
CLICKS = (120, 90, 0, 0, 0, 0, None, 0, None, None)


def row(*told: Any) -> Row:
    """A row as the statement hands it over."""
    return (None, None, None, 1, *told)


def test_rows_are_written_as_in_the_contract() -> None:
    groups = (DAY, CAMPAIGN, COUNTRY)
    rows = [row("2026-10-01", "spring", None, None, *CLICKS), row("2026-10-01", "spring", "LU", "EUR", *FIGURES)]

    clicks, money = documents(rows, groups)

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
    assert totals([row(None, None, None, "EUR", *FIGURES)], groups)[0] == {
        name: value for name, value in money.items() if name not in {"day", "campaign", "country"}
    }


def test_totals_are_in_order_and_the_one_for_no_currency_is_never_missing() -> None:
    found = totals([row(None, "EUR", *FIGURES), row(None, "CHF", *FIGURES)], (DAY,))

    assert [total["currency"] for total in found] == ["CHF", "EUR", None]
    assert set(found[-1].values()) == {0, None}
    assert totals([], (DAY,)) == found[-1:]
    assert totals([row(None, None, *CLICKS)], (DAY,))[0]["clicks"] == 120


@pytest.mark.parametrize(
    ("group", "told", "said"),
    [
        (HOUR, "2026-10-01 11:00:00 7200", "2026-10-01T13:00+02:00"),
        (HOUR, "2026-10-01 11:00:00 0", "2026-10-01T11:00+00:00"),
        (HOUR, "2026-10-01 00:30:00 -12600", "2026-09-30T21:00-03:30"),
        (DAY, "2026-10-01", "2026-10-01"),
        (WEEK, "2026-09-28", "2026-09-28"),
        (MONTH, "2026-10-01", "2026-10"),
    ],
)
def test_times_are_written_as_in_the_contract(group: StatisticsGroup, told: str, said: str) -> None:
    assert documents([row(told, None, *CLICKS)], (group,))[0][group] == said


def test_the_fast_serialiser_says_what_the_schema_would() -> None:
    groups = (HOUR, MONTH, COUNTRY)
    told = ("2026-10-01 11:00:00 7200", "2026-10-01", "LU", "EUR", *FIGURES)
    columns = [*(group.value for group in groups), "currency", *(metric.value for metric in Metric)]

    assert documents([row(*told)], groups) == [row_schema(groups)().dump(dict(zip(columns, told, strict=True)))]


def test_a_csv_has_the_columns_of_the_rows_and_no_formulas() -> None:
    groups = (CAMPAIGN, StatisticsGroup.SUB1)
    lines = lines_of(Form.CSV, row_schema(groups))
    rows = documents([row("spring", "=1+1", "EUR", *FIGURES[:-1], "-0.05")], groups)

    head, line = (part.decode().rstrip("\r\n") for part in (lines.head(), lines.of(rows)))

    assert head.split(",") == list(rows[0])
    assert line == "spring,'=1+1,EUR,0,0,0,2,3,210,88.20,1,29.40,-0.05"
