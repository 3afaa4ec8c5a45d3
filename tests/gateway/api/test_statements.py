"""Monthly statements over HTTP: final months alone, the withheld included, and nothing but money."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from gateway.application import create_app
from gateway.settings import Settings
from partners.postgres.database import Database
from partners.tables.access import access_log
from partners.tables.partner import partner
from tests.callers import access_token, bearer
from tests.factories import add_purchase, add_reversal, count_events
from tests.gateway.api.test_webmaster import Webmaster, change, webmaster

SEPTEMBER = datetime(2026, 9, 30, 23, 45, tzinfo=UTC)
OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture
def w1(db: Database, http: FlaskClient) -> Webmaster:
    return webmaster(db, http, "w1")


@pytest.fixture
def booked(db: Database, w1: Webmaster) -> Webmaster:
    number = w1.member(db, "m1")
    change(db, number, affiliate_sharing=False)
    with db.write.begin() as connection:
        add_purchase(connection, number, "p1", income=17_164, at=SEPTEMBER)
        add_purchase(connection, number, "p2", income=1_200, at=SEPTEMBER, counted=False)
        add_reversal(connection, "p2", at=SEPTEMBER)
        add_purchase(connection, number, "p3", income=900, currency="JPY", at=SEPTEMBER, counted=False)
        add_purchase(connection, number, "p4", income=5, at=OCTOBER)
        count_events(connection)
    return w1


def listed(w: Webmaster, **query: str) -> Any:
    answer = w.get("/statements", **query)
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()


EUROS = {"month": "2026-09", "currency": "EUR", "earned": "183.64", "reversed": "-12.00", "payable": "171.64",
         "is_final": True}  # fmt: skip
YEN = {"month": "2026-09", "currency": "JPY", "earned": "900", "reversed": "0", "payable": "900", "is_final": True}


def test_final_months_by_currency(booked: Webmaster) -> None:
    assert listed(booked) == {"data": [EUROS, YEN]}
    assert listed(booked, month="2026-09") == {"data": [EUROS, YEN]}
    assert listed(booked, month="2026-10") == {"data": []}
    assert listed(booked, month="2026-08") == {"data": []}


def test_they_come_as_lines_too(booked: Webmaster) -> None:
    def lines(path: str, accept: str) -> list[str]:
        answer = booked.http.get(f"/v1/webmaster{path}", headers=booked.headers | {"Accept": accept})
        assert (answer.status_code, answer.mimetype, answer.headers["Vary"]) == (200, accept, "Accept")
        return answer.get_data(as_text=True).splitlines()

    assert [json.loads(line) for line in lines("/statements", "application/x-ndjson")] == [
        EUROS, YEN, {"end": True, "rows": 2}
    ]  # fmt: skip
    assert lines("/statements", "text/csv") == [
        "month,currency,earned,reversed,payable,is_final",
        "2026-09,EUR,183.64,-12.00,171.64,true",
        "2026-09,JPY,900,0,900,true",
    ]
    assert lines("/campaigns", "text/csv") == ["code,name", "spring,Spring"]


def test_a_month_is_final_by_the_clock_of_the_rules(settings: Settings, database_url: str, booked: Webmaster) -> None:
    later = create_app(replace(settings, fixed_now=datetime(2026, 11, 3, tzinfo=UTC)), database_url)
    headers = bearer(access_token(later.test_client(), booked.caller))

    answer = later.test_client().get("/v1/webmaster/statements?month=2026-10", headers=headers)

    assert [row["earned"] for row in answer.get_json()["data"]] == ["0.05"]
    later.extensions["runtime"].database.dispose()


def test_statements_are_the_webmaster_s_own(db: Database, http: FlaskClient, booked: Webmaster) -> None:
    w2 = webmaster(db, http, "w2")

    assert listed(booked)["data"]
    assert listed(w2) == {"data": []}


def test_outside_the_eea_without_a_safeguard_they_are_listed_as_ever(db: Database, booked: Webmaster) -> None:
    """R29: they are about no member."""
    with db.write.begin() as connection:
        connection.execute(update(partner).where(partner.c.id == "w1").values(country="US", safeguard=None))

    assert listed(booked) == listed(booked, month="2026-09") == {"data": [EUROS, YEN]}
    assert booked.get("/campaigns").status_code == 200
    assert booked.get("/members").status_code == 403


@pytest.mark.parametrize(
    "query",
    [
        {"month": "2026-13"},
        {"month": "2026-1"},
        {"month": "0001-01"},
        {"month": "october"},
        {"month": ""},
        {"month": "２０２６-09"},
        {"day": "2026-09-01"},
        {"campaign": "spring"},
        {"timezone": "UTC"},
    ],
)
def test_bad_queries_are_refused(w1: Webmaster, query: dict[str, str]) -> None:
    answer = w1.get("/statements", **query)

    assert answer.status_code == 422
    assert [fault["parameter"] for fault in answer.get_json()["errors"]] == list(query)


def test_statements_are_on_record_as_income(db: Database, booked: Webmaster) -> None:
    listed(booked)
    listed(booked, month="2026-10")
    log = access_log.c

    with db.write.connect() as connection:
        asked = select(log.operation, log.purpose, log.outcome).where(log.operation == "statements.list")
        found = connection.execute(asked.order_by(log.at, log.id)).all()

    assert found == [("statements.list", "income", "released"), ("statements.list", "income", "empty")]


def test_a_suspended_webmaster_gets_none(app: Flask, db: Database, booked: Webmaster) -> None:
    from partners.registry import partners  # noqa: PLC0415

    with db.write.begin() as connection:
        partners.suspend(connection, "w1")

    for path in ("/v1/webmaster/statements", "/v1/webmaster/stats?from=2026-10-01&to=2026-10-02"):
        assert app.test_client().get(path, headers=booked.headers).status_code == 401
