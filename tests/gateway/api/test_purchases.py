"""The purchase log: figures of shared members, newest first, and everything new since a watermark, once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from gateway.runtime import runtime
from partners.postgres.database import Database
from partners.tables.activity import ledger_entry
from partners.vocabulary import PartnerKind
from tests.callers import access_token, add_caller, bearer
from tests.factories import add_purchase
from tests.gateway.api.test_audit import Auditor
from tests.gateway.api.test_webmaster import Webmaster, change, webmaster

AT = datetime(2026, 10, 10, 12, tzinfo=UTC)


@pytest.fixture
def w1(db: Database, http: FlaskClient) -> Webmaster:
    return webmaster(db, http, "w1")


@pytest.fixture
def auditor(db: Database, http: FlaskClient) -> Auditor:
    return Auditor(http, bearer(access_token(http, add_caller(db, PartnerKind.AUDITOR))))


def buy(db: Database, number: int, name: str, **columns: Any) -> None:
    with db.write.begin() as connection:
        add_purchase(connection, number, name, **{"at": AT} | columns)


def reverse(db: Database, name: str, at: datetime) -> None:
    """Add the reversal of a purchase, as the feed would."""
    with db.write.begin() as connection:
        bought = connection.execute(select(ledger_entry).where(ledger_entry.c.purchase_id == name)).mappings().one()
        kept = {key: value for key, value in bought.items() if key not in {"number", "recorded_at", "first"}}
        negative = {key: -bought[key] for key in ("credits", "amount", "income")}
        row = kept | negative | {"type": "reversal", "at": at, "reason": "chargeback"}
        connection.execute(insert(ledger_entry).values(row))


def log(w1: Webmaster, **query: Any) -> dict[str, Any]:
    answer = w1.get("/purchases", **query)
    assert answer.status_code == 200, answer.get_json()
    document: dict[str, Any] = answer.get_json()
    return document


def ids(document: dict[str, Any]) -> list[str]:
    return [row["id"] for row in document["data"]]


def test_rows(db: Database, w1: Webmaster) -> None:
    number = w1.member(db, "m1", sub1="banner-7")
    buy(db, number, "p1", credits=60, amount=2940, income=588)
    reverse(db, "p1", AT + timedelta(days=2))
    ref = w1.rows()[0]["ref"]

    reversal, purchase = log(w1)["data"]

    assert purchase == {
        "id": "p1",
        "type": "purchase",
        "at": "2026-10-10T12:00:00Z",
        "ref": ref,
        "username": "user_m1",
        "campaign": "spring",
        "sub1": "banner-7",
        "sub2": None,
        "sub3": None,
        "sub4": None,
        "sub5": None,
        "credits": 60,
        "amount": "29.40",
        "currency": "EUR",
        "income": "5.88",
    }
    figures = {"credits": -60, "amount": "-29.40", "income": "-5.88", "type": "reversal", "at": "2026-10-12T12:00:00Z"}
    assert reversal == purchase | figures


def test_pages_and_filters(db: Database, w1: Webmaster) -> None:
    number = w1.member(db, "m1")
    for hour in range(5):
        buy(db, number, f"p{hour}", at=AT + timedelta(hours=hour * 6))

    first = log(w1, limit=3)
    second = log(w1, limit=3, cursor=first["page"]["next_cursor"])

    assert ids(first) + ids(second) == ["p4", "p3", "p2", "p1", "p0"]
    assert second["page"] == {"next_cursor": None, "has_more": False}
    assert ids(log(w1, **{"from": "2026-10-11"})) == ["p4", "p3", "p2"]
    assert ids(log(w1, to="2026-10-10")) == ["p1", "p0"]
    assert ids(log(w1, **{"from": "2026-10-11", "timezone": "America/New_York"})) == ["p4", "p3"]
    assert ids(log(w1, campaign="spring")) == ids(log(w1))
    assert ids(log(w1, campaign="autumn")) == []


def test_since_a_watermark_everything_comes_once_in_order_of_recording(db: Database, w1: Webmaster) -> None:
    number = w1.member(db, "m1")
    buy(db, number, "p1")
    watermark = log(w1)["meta"]["watermark"]
    assert ids(log(w1, since=watermark)) == []
    buy(db, number, "p3", at=AT)
    buy(db, number, "p2", at=AT - timedelta(days=9))
    reverse(db, "p1", AT + timedelta(days=1))

    first = log(w1, since=watermark, limit=2)
    second = log(w1, since=first["meta"]["watermark"], limit=2)

    assert ids(first) == ["p3", "p2"]
    assert first["page"]["has_more"]
    assert [(row["id"], row["type"]) for row in second["data"]] == [("p1", "reversal")]
    assert not second["page"]["has_more"]
    assert ids(log(w1, since=second["meta"]["watermark"])) == []


def test_what_is_recorded_while_pages_are_read_comes_since_the_watermark_of_any_of_them(
    db: Database, w1: Webmaster
) -> None:
    number = w1.member(db, "m1")
    for place in range(3):
        buy(db, number, f"p{place}", at=AT + timedelta(hours=place))

    first = log(w1, limit=1)
    buy(db, number, "newest", at=AT + timedelta(days=1))
    second = log(w1, limit=1, cursor=first["page"]["next_cursor"])
    buy(db, number, "oldest", at=AT - timedelta(days=1))
    last = log(w1, limit=2, cursor=second["page"]["next_cursor"])

    pages = (first, second, last)
    assert [ids(page) for page in pages] == [["p2"], ["p1"], ["p0", "oldest"]]
    assert not last["page"]["has_more"]
    assert {page["meta"]["watermark"] for page in pages} == {first["meta"]["watermark"]}
    assert ids(log(w1, since=last["meta"]["watermark"])) == ["newest", "oldest"]


def test_a_cursor_that_brings_no_watermark_is_refused(db: Database, w1: Webmaster, app: Flask) -> None:
    number = w1.member(db, "m1")
    for place in range(2):
        buy(db, number, f"p{place}")
    with app.app_context():
        bound_to = {"client": w1.caller.id, "model": None, "timezone": "UTC"}
        cursor = runtime().cursors.seal([AT.isoformat(), 1], bound_to=bound_to)

    answer = w1.get("/purchases", cursor=cursor)

    assert answer.status_code == 422
    assert [fault["code"] for fault in answer.get_json()["errors"]] == ["invalid_cursor"]


def test_withheld_members_are_absent_and_not_sent_later(db: Database, w1: Webmaster) -> None:
    number, shared = w1.member(db, "m1"), w1.member(db, "m2")
    watermark = log(w1)["meta"]["watermark"]
    buy(db, number, "p1")
    buy(db, shared, "p2")
    change(db, number, affiliate_sharing=False)

    passed = log(w1, since=watermark)
    change(db, number, affiliate_sharing=True)

    assert ids(passed) == ["p2"]
    assert ids(log(w1, since=passed["meta"]["watermark"])) == []


def test_strangers_see_nothing_and_cannot_use_a_watermark(db: Database, http: FlaskClient, w1: Webmaster) -> None:
    buy(db, w1.member(db, "m1"), "p1")
    w2 = webmaster(db, http, "w2")
    watermark = log(w1)["meta"]["watermark"]

    assert ids(log(w2)) == []
    assert w2.get("/purchases", since=watermark).status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        {"timezone": "Mars/Olympus"},
        {"from": "2026-13-01"},
        {"from": "0001-01-01"},
        {"to": "9999-12-31"},
        {"from": "2026-10-02", "to": "2026-10-01"},
        {"since": "x"},
        {"reason": "fraud"},
        {"currency": "EUR"},
    ],
)
def test_bad_queries_are_refused(w1: Webmaster, query: dict[str, str]) -> None:
    assert w1.get("/purchases", **query).status_code == 422


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ({"since": "bad", "limit": "0", "from": "x", "foo": "1"}, {"since", "limit", "from", "foo"}),
        ({"since": "bad", "cursor": "zz"}, {"since", "cursor"}),
        ({"cursor": "zz", "limit": "0"}, {"cursor", "limit"}),
        ({"cursor": "A" * 43, "limit": "0"}, {"limit"}),
    ],
)
def test_what_is_no_watermark_or_cursor_is_named_beside_other_faults(
    w1: Webmaster, query: dict[str, str], faults: set[str]
) -> None:
    errors = w1.get("/purchases", **query).get_json()["errors"]

    assert {fault["parameter"] for fault in errors} == faults
    assert len(errors) == len(faults)


def test_a_watermark_of_another_is_named_beside_other_faults(http: FlaskClient, db: Database, w1: Webmaster) -> None:
    own, of_another = (log(each)["meta"]["watermark"] for each in (w1, webmaster(db, http, "w2")))

    errors = [w1.get("/purchases", limit=0, since=since).get_json()["errors"] for since in (own, of_another)]

    assert [{fault["parameter"]: fault["code"] for fault in each} for each in errors] == [
        {"limit": "invalid_value"},
        {"limit": "invalid_value", "since": "invalid_cursor"},
    ]


def test_a_watermark_and_a_cursor_exclude_each_other(db: Database, w1: Webmaster) -> None:
    number = w1.member(db, "m1")
    for place in range(3):
        buy(db, number, f"p{place}")
    first = log(w1, limit=1)

    answer = w1.get("/purchases", limit=1, cursor=first["page"]["next_cursor"], since=first["meta"]["watermark"])

    assert answer.status_code == 422


def test_the_record_covers_each_member_once(db: Database, w1: Webmaster, auditor: Auditor) -> None:
    number = w1.member(db, "m1")
    buy(db, number, "p1")
    buy(db, number, "p2")
    log(w1)

    entry = auditor.entries(operation="purchases.list")[0]

    assert (entry["outcome"], entry["purpose"], entry["members"]) == ("released", "income", ["m1"])
    assert {"amount", "ref", "username"} <= set(entry["fields_released"])
    assert "device" not in entry["fields_released"]
