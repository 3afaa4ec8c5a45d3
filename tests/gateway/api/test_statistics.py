"""Statistics over HTTP: what is answered to whom, page by page or as lines, and what goes on record."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, delete, select, update

from gateway.application import create_app
from gateway.settings import Settings
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.tables.access import access_log
from partners.tables.activity import ledger_entry, registration
from partners.tables.partner import partner
from partners.tables.statistics import statement_total, statistic
from partners.vocabulary import PartnerKind
from serializers.policies import VERSION
from tests.callers import access_token, add_caller, bearer
from tests.conftest import NOW
from tests.factories import (
    HAPPENED_AT,
    add_purchase,
    add_registration,
    add_reversal,
    add_traffic,
    count_events,
    set_usage_clock,
)
from tests.feeding import Platform, privacy, purchased, referred, refunded
from tests.gateway.api.test_webmaster import Webmaster, change, webmaster

OCTOBER = {"from": "2026-10-01", "to": "2026-10-31"}


@pytest.fixture
def w1(db: Database, http: FlaskClient) -> Webmaster:
    return webmaster(db, http, "w1")


@pytest.fixture
def w2(db: Database, http: FlaskClient) -> Webmaster:
    return webmaster(db, http, "w2")


def stats(w: Webmaster, **query: Any) -> dict[str, Any]:
    answer = w.get("/stats", **(OCTOBER | query))
    assert answer.status_code == 200, answer.get_json()
    document: dict[str, Any] = answer.get_json()
    return document


def count_again(connection: Connection) -> None:
    """Count what is stored now, from nothing."""
    for table in (statistic, statement_total):
        connection.execute(delete(table))
    count_events(connection, through=HAPPENED_AT)


@pytest.fixture
def october(db: Database, w1: Webmaster) -> Webmaster:
    """A webmaster with clicks, a registration, two purchases and a refund on one day, another purchase on the next."""
    number = w1.member(db, "m1", sub1="banner-7", device_type="mobile", registered_at=HAPPENED_AT)
    with db.write.begin() as connection:
        add_traffic(connection, w1.campaign, HAPPENED_AT, clicks=120, unique_clicks=90)
        add_registration(connection, number)
        add_purchase(connection, number, "p1", income=588, first=True)
        add_purchase(connection, number, "p2", credits=90, amount=5880, income=1176)
        add_purchase(connection, number, "p3", currency="JPY", amount=500, at=HAPPENED_AT + timedelta(days=1))
        add_reversal(connection, "p1")
        count_again(connection)
    return w1


NOTHING = {"clicks": 0, "unique_clicks": 0, "registrations": 0, "first_purchases": 0, "purchases": 0, "credits": 0,
           "amount": None, "refunds": 0, "refunded_amount": None, "income": None}  # fmt: skip
EUROS = NOTHING | {"first_purchases": 1, "purchases": 2, "credits": 150, "amount": "88.20", "refunds": 1,
                   "refunded_amount": "29.40", "income": "11.76"}  # fmt: skip
YEN = NOTHING | {"purchases": 1, "credits": 60, "amount": "500", "refunded_amount": "0", "income": "0"}
CLICKS = NOTHING | {"clicks": 120, "unique_clicks": 90}


def test_the_answer_has_rows_totals_page_and_meta(october: Webmaster) -> None:
    answer = october.get("/stats", **OCTOBER, group_by="day,country,device_type")

    seen = {"day": "2026-10-20", "country": "LU", "device_type": "mobile"}
    assert answer.get_json() == {
        "data": [
            {**seen, "currency": "EUR", **EUROS},
            {**seen, "currency": None, **NOTHING, "registrations": 1},
            {"day": "2026-10-20", "country": None, "device_type": None, "currency": None, **CLICKS},
            {**seen, "day": "2026-10-21", "currency": "JPY", **YEN},
        ],
        "totals": [
            {"currency": "EUR", **EUROS},
            {"currency": "JPY", **YEN},
            {"currency": None, **CLICKS, "registrations": 1},
        ],
        "page": {"next_cursor": None, "has_more": False},
        "meta": {"timezone": "UTC", "data_through": "2026-10-20T20:15:00Z", "policy_version": VERSION},
    }
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Vary"] == "Accept"


def test_days_are_those_of_the_zone(october: Webmaster) -> None:
    days = [row["day"] for row in stats(october, timezone="Asia/Tokyo", currency="JPY,EUR")["data"]]
    hours = [row["hour"] for row in stats(october, timezone="Asia/Kathmandu", group_by="hour")["data"]]

    assert days == ["2026-10-21", "2026-10-22"]
    assert hours == ["2026-10-21T02:00+05:45", "2026-10-21T02:00+05:45", "2026-10-22T02:00+05:45"]


def test_pages_walk_through_all_rows_once_and_carry_the_totals_of_the_whole(october: Webmaster) -> None:
    whole = stats(october, group_by="hour,country", sort="-clicks")

    rows, cursor = [], None
    while True:
        page = stats(
            october, group_by="hour,country", sort="-clicks", limit=1, **({"cursor": cursor} if cursor else {})
        )
        rows += page["data"]
        cursor = page["page"]["next_cursor"]
        assert page["totals"] == whole["totals"]
        if not page["page"]["has_more"]:
            break

    assert cursor is None
    assert rows == whole["data"]
    assert rows[0]["clicks"] == 120


def test_a_cursor_is_bound_to_its_client_and_query(db: Database, http: FlaskClient, october: Webmaster) -> None:
    cursor = stats(october, limit=1)["page"]["next_cursor"]
    colleague = Webmaster(http, add_caller(db, PartnerKind.WEBMASTER, "w1"), october.number, october.campaign)

    assert october.get("/stats", **OCTOBER, limit=3, cursor=cursor).status_code == 200
    for asked in ({"group_by": "month"}, {"timezone": "Asia/Tokyo"}, {"country": "LU"}, {"sort": "clicks"}):
        assert october.get("/stats", **OCTOBER, cursor=cursor, **asked).status_code == 422
    assert colleague.get("/stats", **OCTOBER, limit=3, cursor=cursor).status_code == 422


def test_filters_take_lists_and_exclude(october: Webmaster) -> None:
    def currencies(**query: str) -> list[str | None]:
        return [row["currency"] for row in stats(october, group_by="month", **query)["data"]]

    assert currencies() == ["EUR", "JPY", None]
    assert currencies(currency="EUR,USD") == ["EUR"]
    assert currencies(currency="-EUR") == ["JPY", None]
    assert currencies(country="FR") == []
    assert currencies(country="-FR,DE") == ["EUR", "JPY", None]
    assert currencies(campaign="spring", device_type="-mobile") == [None]


@pytest.mark.parametrize("zone", ["localtime", "Factory", "right/UTC", "europe/paris", "../UTC", ""])
def test_what_is_no_zone_of_the_world_is_refused(october: Webmaster, zone: str) -> None:
    assert october.get("/stats", **(OCTOBER | {"timezone": zone})).status_code == 422


def test_faults_are_all_named_at_once(october: Webmaster) -> None:
    query = {"to": "2026-09-01", "timezone": "Mars", "group_by": "city", "sort": "user", "limit": "0", "username": "x"}

    answer = october.get("/stats", **(OCTOBER | query))

    assert answer.status_code == 422
    assert {fault["parameter"]: fault["code"] for fault in answer.get_json()["errors"]} == {
        **dict.fromkeys(query, "invalid_value"),
        "username": "unknown_parameter",
    }


def test_a_refused_order_says_which_there_are(october: Webmaster) -> None:
    answer = october.get("/stats", **(OCTOBER | {"sort": "day,clicks"}))

    (fault,) = answer.get_json()["errors"]
    assert fault["detail"].startswith("One of hour, day, ")
    assert fault["detail"].endswith(", refunded_amount, income; downwards with a leading `-`.")


def test_no_two_webmasters_see_each_other_s_numbers(db: Database, october: Webmaster, w2: Webmaster) -> None:
    theirs = w2.member(db, "m2", site="elsewhere")
    with db.write.begin() as connection:
        add_registration(connection, theirs)
        add_traffic(connection, w2.campaign, HAPPENED_AT, clicks=7)
        count_again(connection)

    own, foreign = stats(october, group_by="campaign,site"), stats(w2, group_by="campaign,site")

    assert {row["site"] for row in own["data"]} == {"main", None}
    assert own["totals"][-1] == {"currency": None, **CLICKS, "registrations": 1}
    assert foreign["totals"] == [{"currency": None, **NOTHING, "clicks": 7, "unique_clicks": 1, "registrations": 1}]
    assert own["meta"] == foreign["meta"]


@pytest.mark.parametrize("withheld", ["affiliate_sharing", "service_consent", "objecting", "restricted", "erased"])
def test_a_published_day_stays_whatever_the_member_decides(db: Database, october: Webmaster, withheld: str) -> None:
    """R10, R63: and what a withheld member does later is not to be found here."""
    before = october.get("/stats", **OCTOBER, group_by="day,country,site,device_type")
    number = db_member(db)
    change(db, number, **{withheld: withheld not in {"affiliate_sharing", "service_consent"}})
    with db.write.begin() as connection:
        add_purchase(connection, number, "p9", currency="KWD", counted=False, income=77)
        count_again(connection)

    after = october.get("/stats", **OCTOBER, group_by="day,country,site,device_type")

    assert after.data == before.data
    assert after.headers["ETag"] == before.headers["ETag"]


def db_member(db: Database) -> int:
    with db.write.connect() as connection:
        number: int = connection.execute(select(registration.c.member)).scalar_one()
        return number


def test_sub_ids_need_the_scope_for_member_rows(db: Database, http: FlaskClient, october: Webmaster) -> None:
    october.headers = bearer(access_token(http, october.caller, scope="stats:read"))

    answer = october.get("/stats", **OCTOBER, group_by="day,sub1")

    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert 'scope="stats:read members:read"' in answer.headers["WWW-Authenticate"]
    assert "the scopes stats:read and members:read" in answer.get_json()["detail"]
    assert stats(october)["data"]
    assert recorded(db)[-2:] == [
        ("stats.query", "campaigns", "denied", 403),
        ("stats.query", "campaigns", "released", 200),
    ]


def test_sub_ids_are_for_those_who_may_have_member_rows(db: Database, october: Webmaster) -> None:
    """R29: outside the EEA without a safeguard there are statistics, but nothing that can stand for one person."""
    assert {row["sub1"] for row in stats(october, group_by="sub1")["data"]} == {"banner-7", None}
    with db.write.begin() as connection:
        connection.execute(update(partner).where(partner.c.id == "w1").values(country="US", safeguard=None))

    assert october.get("/stats", **OCTOBER, group_by="sub1").status_code == 403
    assert stats(october)["data"]


def test_sub_ids_go_with_the_erasure_that_has_begun(db: Database, october: Webmaster) -> None:
    """R50: from the moment it starts."""
    before = stats(october, group_by="sub1")
    change(db, db_member(db), erased=True)

    after = stats(october, group_by="sub1")

    assert {row["sub1"] for row in after["data"]} == {None}
    assert after["totals"] == before["totals"]


def test_no_sub_id_tells_a_device_that_has_lapsed(db: Database, october: Webmaster) -> None:
    """R36: it can stand for one person, whose device is withheld; the counts stay, and stand for nobody."""
    by_both = {"group_by": "sub1,device_type", "device_type": "mobile"}
    before, by_sub = stats(october, **by_both), stats(october, group_by="sub1")
    assert {(row["sub1"], row["device_type"]) for row in before["data"]} == {("banner-7", "mobile")}
    lapsed = {"usage_clock_at": NOW - timedelta(days=120, seconds=1)}
    came_back = {"usage_clock_at": NOW, "usage_kept_from": HAPPENED_AT + timedelta(days=2)}
    for clock in (lapsed, came_back):
        with db.write.begin() as connection:
            set_usage_clock(connection, db_member(db), **clock)

        for asked in (by_both, {"group_by": "sub1", "device_type": "mobile"}, {"group_by": "sub1,device_type"}):
            assert {row["sub1"] for row in stats(october, **asked)["data"]} == {None}
        assert stats(october, **by_both)["totals"] == before["totals"]
        assert stats(october, group_by="sub1") == by_sub


def recorded(db: Database) -> list[tuple[Any, ...]]:
    log = access_log.c
    with db.write.connect() as connection:
        asked = select(log.operation, log.purpose, log.outcome, log.status).order_by(log.at, log.id)
        return [tuple(row) for row in connection.execute(asked.where(log.operation == "stats.query"))]


def test_every_answer_is_on_record(db: Database, october: Webmaster) -> None:
    first = october.get("/stats", **OCTOBER)
    october.http.get(
        "/v1/webmaster/stats", query_string=OCTOBER, headers={"If-None-Match": first.headers["ETag"]} | october.headers
    )
    october.get("/stats", **OCTOBER, country="FR")

    assert recorded(db) == [
        ("stats.query", "campaigns", "released", 200),
        ("stats.query", "campaigns", "released", 200),
        ("stats.query", "campaigns", "empty", 200),
    ]


def test_an_unchanged_answer_is_a_304(october: Webmaster) -> None:
    first = october.get("/stats", **OCTOBER)

    again = october.http.get(
        "/v1/webmaster/stats", query_string=OCTOBER, headers=october.headers | {"If-None-Match": first.headers["ETag"]}
    )

    assert (again.status_code, again.data) == (304, b"")


def test_as_csv(db: Database, october: Webmaster) -> None:
    asked = {"group_by": "day,campaign,sub1"}
    rows = stats(october, **asked)["data"]

    answer = october.http.get(
        "/v1/webmaster/stats", query_string=OCTOBER | asked, headers=october.headers | {"Accept": "text/csv"}
    )

    read = list(csv.DictReader(io.StringIO(answer.data.decode())))
    assert answer.mimetype == "text/csv"
    assert "ETag" not in answer.headers
    assert read == [{name: "" if value is None else str(value) for name, value in row.items()} for row in rows]
    assert recorded(db)[-1][2:] == ("released", 200)


def test_without_any_event_there_is_no_row(w1: Webmaster) -> None:
    answer = stats(w1)

    assert answer["data"] == []
    assert answer["totals"] == [{"currency": None, **NOTHING}]
    assert answer["meta"]["data_through"] is None


def test_a_refund_stands_on_its_own_day(db: Database, october: Webmaster) -> None:
    with db.write.begin() as connection:
        add_reversal(connection, "p2", at=datetime(2026, 10, 30, tzinfo=UTC))
        count_again(connection)

    last = stats(october)["data"][-1]

    assert (last["day"], last["purchases"], last["refunds"]) == ("2026-10-30", 0, 1)
    assert (last["amount"], last["refunded_amount"], last["income"]) == ("0.00", "58.80", "-11.76")


def test_the_counters_hold_what_the_ledger_holds(db: Database, october: Webmaster) -> None:
    """Purchases are told in full, to the minor unit."""
    total = stats(october, group_by="month")["totals"][0]
    with db.write.connect() as connection:
        euros = (
            connection.execute(select(ledger_entry.c.amount).where(ledger_entry.c.currency == "EUR")).scalars().all()
        )

    assert total["amount"] == f"{sum(amount for amount in euros if amount > 0) / 100:.2f}"


def test_opted_out_between_two_purchases(
    db: Database, database_url: str, *, settings: Settings, keyring: Keyring, w1: Webmaster
) -> None:
    """R10: the first stays in the statistics, the second is in the statement alone, and no published day changes."""
    platform = Platform(db, keyring, HAPPENED_AT + timedelta(days=2), settings.journal_dir)
    platform.must(referred(time=HAPPENED_AT), purchased("p1", time=HAPPENED_AT, income="5.00"))
    before = stats(w1, group_by="day,campaign")

    platform.must(
        privacy(time=HAPPENED_AT + timedelta(hours=1), affiliate_sharing=False),
        purchased("p2", time=HAPPENED_AT + timedelta(hours=2), income="7.00"),
        refunded("p1", time=HAPPENED_AT + timedelta(hours=3)),
    )

    after = stats(w1, group_by="day,campaign")
    later = create_app(replace(settings, fixed_now=datetime(2026, 11, 3, tzinfo=UTC)), database_url)
    owed = later.test_client().get("/v1/webmaster/statements", headers=w1.headers).get_json()["data"]
    later.extensions["runtime"].database.dispose()
    assert (after["data"], after["totals"]) == (before["data"], before["totals"])
    assert [(row["purchases"], row["income"]) for row in after["data"] if row["currency"]] == [(1, "5.00")]
    assert [(row["earned"], row["reversed"], row["payable"]) for row in owed] == [("12.00", "-5.00", "7.00")]
