"""The whole member list as lines: the same rows as page by page, each recorded, cut where it cannot go on."""

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select, text
from werkzeug.test import TestResponse

from gateway.http import streaming
from gateway.http.streaming import BrokenStreamError
from partners.access_log.subjects import accesses_about
from partners.postgres import database
from partners.postgres.database import Database
from partners.tables.access import access_log, access_subject_set
from partners.tables.member import member, profile, purchase_total
from tests.factories import REGISTERED_AT
from tests.gateway.api.test_webmaster import Webmaster, change, webmaster

NDJSON = "application/x-ndjson"
CSV = "text/csv"
MANY = 20_000


@pytest.fixture
def w1(db: Database, http: FlaskClient) -> Webmaster:
    return webmaster(db, http, "w1")


@pytest.fixture
def two_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "CHUNK_ROWS", 2)


def ask(w1: Webmaster, accept: str = NDJSON, **query: Any) -> TestResponse:
    return w1.http.get("/v1/webmaster/members", query_string=query, headers=w1.headers | {"Accept": accept})


def rows_of(answer: TestResponse) -> list[dict[str, Any]]:
    *rows, end = [json.loads(line) for line in answer.data.splitlines()]
    assert end == {"end": True, "rows": len(rows)}
    return rows


def records(db: Database, outcome: str | None = None) -> list[Any]:
    with db.write.connect() as connection:
        listed = select(access_log).where(access_log.c.operation == "members.list").order_by(access_log.c.id)
        return [row for row in connection.execute(listed) if outcome in {None, row.outcome}]


def paged(w1: Webmaster, **query: Any) -> list[dict[str, Any]]:
    rows, cursor = [], {}
    while cursor != {"cursor": None}:
        page = w1.get("/members", limit=3, **query, **cursor).get_json()
        rows += page["data"]
        cursor = {"cursor": page["page"]["next_cursor"]}
    return rows


def add_many(db: Database, w1: Webmaster, number: int) -> None:
    with db.write.begin() as connection:
        # On a busy machine so many take longer than the gateway waits.
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        members = [
            {
                "id": f"m{place}", "username": f"u{place}", "username_key": f"u{place}", "username_harmless": True,
                "site": "main", "country": "LU", "registered_at": REGISTERED_AT, "webmaster": w1.number,
            }
            for place in range(number)
        ]  # fmt: skip
        connection.execute(insert(member), members)
        for table, more in ((profile, {}), (purchase_total, {"usage_clock_at": REGISTERED_AT})):
            connection.execute(
                insert(table).from_select(
                    ["member", *more],
                    select(member.c.number, *(text(f"'{value}'::timestamptz") for value in more.values())),
                )
            )


@pytest.mark.usefixtures("two_a_chunk")
@pytest.mark.parametrize("query", [{}, {"sort": "registration_date"}, {"country": "FR"}, {"campaign": "spring"}])
def test_a_stream_has_the_rows_of_all_pages(db: Database, w1: Webmaster, query: dict[str, str]) -> None:
    for place in range(7):
        w1.member(db, f"m{place}", country=("LU", "FR")[place % 2], registered_at=REGISTERED_AT + timedelta(place // 2))

    answer = ask(w1, **query)

    assert answer.status_code == 200
    assert answer.content_type == NDJSON
    assert rows_of(answer) == paged(w1, **query)


@pytest.mark.usefixtures("two_a_chunk")
def test_csv_has_a_column_for_every_value(db: Database, w1: Webmaster) -> None:
    for place in range(5):
        w1.member(db, f"m{place}", username=f'owl,"{place}"', sub1=f"-banner {place}")

    answer = ask(w1, CSV)

    assert answer.content_type == "text/csv; charset=utf-8; header=present"
    lines = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))
    assert [(line["ref"], line["username"], line["referral.sub1"]) for line in lines] == [
        (row["ref"], row["username"], "'" + row["referral"]["sub1"]) for row in w1.rows()
    ]
    assert {line["credit_purchases.amounts"] for line in lines} == {"[]"}
    assert {line["device.type"] for line in lines} == {""}


def test_no_cell_is_a_formula(db: Database, w1: Webmaster) -> None:
    formulas = ["=cmd|'/C_calc'!A0", "+1+1", "-1", "@SUM(A1)"]
    for place, formula in enumerate(formulas):
        w1.member(db, f"m{place}", username=formula, sub1=formula, sub5=formula)

    _, *rows = csv.reader(io.StringIO(ask(w1, CSV).get_data(as_text=True), newline=""))

    assert [row.count(f"'{formula}") for row, formula in zip(rows[::-1], formulas, strict=True)] == [3, 3, 3, 3]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_nobody_is_an_empty_list(w1: Webmaster) -> None:
    assert rows_of(ask(w1)) == []
    assert ask(w1, CSV).data.count(b"\r\n") == 1


@pytest.mark.usefixtures("two_a_chunk")
def test_every_streamed_row_is_recorded_by_the_chunk_it_came_in(db: Database, w1: Webmaster) -> None:
    numbers = [w1.member(db, f"m{place}") for place in range(5)]

    answer = ask(w1)

    assert len(rows_of(answer)) == 5
    chunks = records(db)
    assert [(row.outcome, row.member_count) for row in chunks] == [("released", 2), ("released", 2), ("released", 1)]
    assert {row.request_id for row in chunks} == {answer.headers["X-Request-Id"]}
    assert len({row.at for row in chunks}) == 3
    with db.write.connect() as connection:
        kept = connection.execute(select(access_subject_set)).all()
        about = [connection.execute(select(accesses_about(number))).all() for number in numbers]
    assert sum(len(row.member_offsets) for row in kept) == 5
    assert [len(accesses) for accesses in about] == [1] * 5


@pytest.mark.usefixtures("two_a_chunk")
def test_who_opts_out_midway_is_not_in_the_next_chunk(db: Database, w1: Webmaster) -> None:
    numbers = [w1.member(db, f"m{place}") for place in range(6)]
    answer = ask(w1)
    body = answer.iter_encoded()
    begun = [next(body), next(body)]

    change(db, numbers[1], affiliate_sharing=False)

    lines = [json.loads(line) for line in b"".join([*begun, *body]).splitlines()]
    assert [row["username"] for row in lines[:-1]] == ["user_m5", "user_m4", "user_m3", "user_m2", "user_m0"]
    assert lines[-1] == {"end": True, "rows": 5}


@pytest.mark.usefixtures("two_a_chunk")
@pytest.mark.parametrize("accept", [NDJSON, CSV])
def test_a_caller_suspended_midway_gets_no_more_and_no_end(db: Database, w1: Webmaster, accept: str) -> None:
    for place in range(6):
        w1.member(db, f"m{place}")
    body = ask(w1, accept).iter_encoded()
    received = [next(body)]

    with db.write.begin() as connection:
        connection.execute(text("UPDATE partner SET status = 'suspended' WHERE id = 'w1'"))
    with pytest.raises(BrokenStreamError):
        received.extend(body)

    assert b"user_m3" not in b"".join(received)
    assert b'"end"' not in b"".join(received)
    assert [(row.outcome, row.status, row.reason) for row in records(db)] == [
        ("released", 200, None),
        ("denied", 401, "suspended"),
        ("error", 200, None),
    ]


@pytest.mark.usefixtures("two_a_chunk")
def test_a_caller_who_leaves_is_on_record(db: Database, w1: Webmaster) -> None:
    for place in range(6):
        w1.member(db, f"m{place}")
    answer = ask(w1)
    next(answer.iter_encoded())

    answer.close()

    assert [row.outcome for row in records(db)] == ["released", "error"]
    assert records(db, "error")[0].request_id == answer.headers["X-Request-Id"]


@pytest.mark.usefixtures("two_a_chunk")
def test_a_stream_read_to_its_end_is_not_broken(db: Database, w1: Webmaster) -> None:
    w1.member(db, "m1")
    answer = ask(w1)

    assert answer.data
    answer.close()

    assert [row.outcome for row in records(db)] == ["released"]


def test_a_stream_is_not_paged(w1: Webmaster) -> None:
    queries = [{"limit": "2"}, {"cursor": "x"}, {"limit": "many"}, {"limit": "1", "cursor": "y"}]
    for accept, query in product((NDJSON, CSV), queries):
        answer = ask(w1, accept, **query, city="Esch")

        assert answer.status_code == 422
        assert answer.content_type == "application/problem+json"
        faults = {(fault["parameter"], fault["code"]) for fault in answer.get_json()["errors"]}
        assert faults >= {(name, "not_with_a_stream") for name in query} | {("city", "unknown_parameter")}


def test_before_the_first_line_every_problem_is_a_proper_answer(
    db: Database, w1: Webmaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert w1.http.get("/v1/webmaster/members", headers={"Accept": NDJSON}).status_code == 401
    with db.write.begin() as connection:
        connection.execute(text("UPDATE partner SET terms_accepted_at = NULL WHERE id = 'w1'"))
    refused = ask(w1)
    assert (refused.status_code, refused.content_type) == (403, "application/problem+json")
    with db.write.begin() as connection:
        connection.execute(text("UPDATE partner SET status = 'suspended' WHERE id = 'w1'"))
    assert ask(w1, CSV).status_code == 401

    held = w1.http.application.extensions["runtime"].database
    monkeypatch.setattr(held.release.engine.pool, "_timeout", 0.01)
    taken = [held.release.take() for _ in range(8)]
    try:
        assert ask(w1).status_code == 503
    finally:
        for lane in taken:
            held.release.give(lane)


def test_streams_have_no_etag_and_are_not_stored(w1: Webmaster) -> None:
    for accept in (NDJSON, CSV):
        answer = ask(w1, accept)

        assert "ETag" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Vary"] == "Accept"
        assert answer.headers["X-Request-Id"]
    assert w1.get("/members").headers["Vary"] == "Accept"


NEGOTIATED = {
    "": "application/json",
    "*/*": "application/json",
    "text/html, */*;q=0.8": "application/json",
    "application/json, text/csv": "application/json",
    "application/json;q=0.5, text/csv": CSV,
    "text/csv;q=0.5, application/x-ndjson;q=0.9": NDJSON,
    "text/csv, */*;q=0.1": CSV,
    "TEXT/CSV; charset=utf-8": CSV,
    "text/*": CSV,
    "text/csv;q=0": "application/json",
    "text/csv;q=0, text/*": "application/json",
    "image/png": "application/json",
    "text/csv;q=many": "application/json",
    ",;=é": "application/json",
}


def test_the_form_is_negotiated(w1: Webmaster) -> None:
    assert {accept: ask(w1, accept).mimetype for accept in NEGOTIATED} == NEGOTIATED


def test_head_does_not_break_a_stream(db: Database, w1: Webmaster) -> None:
    answer = w1.http.head("/v1/webmaster/members", headers=w1.headers | {"Accept": NDJSON})

    assert (answer.status_code, answer.data) == (200, b"")
    assert [row.outcome for row in records(db)] == ["empty"]


@pytest.mark.slow
def test_a_long_list_takes_no_more_memory_than_a_chunk(db: Database, w1: Webmaster) -> None:
    add_many(db, w1, MANY)

    _, first, second, *later = peaks(ask(w1))

    assert len(later) >= MANY // streaming.CHUNK_ROWS - 2
    assert max(later) < 1.5 * max(first, second) < 24 * 1024 * 1024


@pytest.mark.slow
def test_plans_made_while_tables_were_empty_hold_when_they_are_full(
    db: Database, database_url: str, w1: Webmaster
) -> None:
    owner = database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text("ANALYZE"))
    owner.dispose()
    for _ in range(db.release.engine.pool.size()):
        assert rows_of(ask(w1)) == []

    add_many(db, w1, MANY)

    assert len(rows_of(ask(w1))) == MANY


def peaks(answer: TestResponse) -> Iterator[int]:
    """The most memory that Python held while it made each chunk."""
    body = answer.iter_encoded()
    tracemalloc.start()
    try:
        for _ in body:
            yield tracemalloc.get_traced_memory()[1]
            tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
