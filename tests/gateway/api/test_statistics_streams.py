"""Statistics as lines: chunk by chunk, each asked for and recorded like a page, and cut where it cannot go on."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from gateway.http.streaming import BrokenStreamError
from partners.postgres.database import Database
from partners.tables.access import access_log
from tests.factories import HAPPENED_AT, add_purchase, add_registration, add_reversal, add_traffic, count_events
from tests.gateway.api.test_webmaster import Webmaster, webmaster

NDJSON, CSV = "application/x-ndjson", "text/csv"
DAYS = 5


@pytest.fixture
def w1(db: Database, http: FlaskClient) -> Webmaster:
    """A webmaster with clicks on every day of five, and on the first a purchase that was refunded."""
    caller = webmaster(db, http, "w1")
    number = caller.member(db, "m1", sub1="=HYPERLINK(1)")
    with db.write.begin() as connection:
        for day in range(DAYS):
            add_traffic(connection, caller.campaign, HAPPENED_AT + timedelta(days=day), clicks=day + 1)
        add_registration(connection, number)
        add_purchase(connection, number, "p1", income=588, first=True)
        add_reversal(connection, "p1", at=HAPPENED_AT + timedelta(days=1))
        count_events(connection)
    return caller


@pytest.fixture
def two_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.api.statistics.CHUNK_ROWS", 2)


def ask(w1: Webmaster, accept: str = NDJSON, **query: Any) -> TestResponse:
    asked = {"from": "2026-10-01", "to": "2026-10-31"} | query
    return w1.http.get("/v1/webmaster/stats", query_string=asked, headers=w1.headers | {"Accept": accept})


def records(db: Database) -> list[Any]:
    log = access_log.c
    with db.write.connect() as connection:
        return list(connection.execute(select(access_log).where(log.operation == "stats.query").order_by(log.id)))


@pytest.mark.usefixtures("two_a_chunk")
@pytest.mark.parametrize("query", [{}, {"sort": "-clicks"}, {"group_by": "hour,sub1", "timezone": "Asia/Kathmandu"}])
def test_a_stream_has_the_rows_of_the_page_and_each_chunk_is_on_record(
    db: Database, w1: Webmaster, query: dict[str, str]
) -> None:
    rows = ask(w1, "application/json", **query).get_json()["data"]

    answer = ask(w1, **query)

    *lines, end = [json.loads(line) for line in answer.data.splitlines()]
    assert lines == rows
    assert end == {"end": True, "rows": len(rows)}
    chunks = [each for each in records(db) if each.request_id == answer.headers["X-Request-Id"]]
    assert [each.outcome for each in chunks] == ["released"] * -(-len(rows) // 2)


@pytest.mark.usefixtures("two_a_chunk")
@pytest.mark.parametrize("accept", [NDJSON, CSV])
def test_a_caller_suspended_midway_gets_no_more_and_no_end(db: Database, w1: Webmaster, accept: str) -> None:
    answer = ask(w1, accept)
    body = answer.iter_encoded()
    received = [next(body)]

    with db.write.begin() as connection:
        connection.execute(text("UPDATE partner SET status = 'suspended' WHERE id = 'w1'"))
    with pytest.raises(BrokenStreamError):
        received.extend(body)

    assert b"2026-10-20" in b"".join(received)
    assert b"2026-10-24" not in b"".join(received)
    assert b'"end"' not in b"".join(received)
    assert [(each.outcome, each.status, each.reason) for each in records(db)] == [
        ("released", 200, None),
        ("denied", 401, "suspended"),
        ("error", 200, None),
    ]
    assert {each.request_id for each in records(db)} == {answer.headers["X-Request-Id"]}


@pytest.mark.usefixtures("two_a_chunk")
def test_member_rows_no_longer_allowed_midway_end_a_stream_by_sub_ids(db: Database, w1: Webmaster) -> None:
    """R29: statistics go on, what can stand for one person does not."""
    streams = [ask(w1, group_by=f"day,{group}").iter_encoded() for group in ("sub1", "site")]
    for body in streams:
        next(body)

    with db.write.begin() as connection:
        connection.execute(text("UPDATE partner SET country = 'US', safeguard = NULL WHERE id = 'w1'"))

    with pytest.raises(BrokenStreamError):
        list(streams[0])
    assert b'"end":true' in b"".join(streams[1])


@pytest.mark.usefixtures("two_a_chunk")
def test_a_caller_who_leaves_is_on_record(db: Database, w1: Webmaster) -> None:
    answer = ask(w1)
    next(answer.iter_encoded())

    answer.close()

    assert [each.outcome for each in records(db)] == ["released", "error"]


@pytest.mark.usefixtures("two_a_chunk")
def test_no_piece_is_larger_than_a_chunk(w1: Webmaster) -> None:
    pieces = [len(piece.splitlines()) for piece in ask(w1).iter_encoded()]

    assert max(pieces) == 2


def test_no_cell_is_a_formula_and_figures_keep_their_sign(w1: Webmaster) -> None:
    answer = ask(w1, CSV, group_by="day,sub1")

    rows = list(csv.DictReader(io.StringIO(answer.data.decode()), strict=True))
    euros = [row for row in rows if row["currency"] == "EUR"]
    assert {row["sub1"] for row in rows} == {"'=HYPERLINK(1)", ""}
    assert [row["income"] for row in euros] == ["5.88", "-5.88"]
    assert "ETag" not in answer.headers


@pytest.mark.parametrize("name", ["limit", "cursor"])
def test_a_stream_is_not_paged(w1: Webmaster, name: str) -> None:
    answer = ask(w1, CSV, **{name: "5"})

    assert answer.status_code == 422
    assert [fault["parameter"] for fault in answer.get_json()["errors"]] == [name]
