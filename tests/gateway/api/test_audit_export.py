"""The access log as lines: the entries of a search, all of them, on record before the first byte."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select, text
from werkzeug.test import TestResponse

from gateway.http.streaming import BrokenStreamError
from partners.access_log.identifiers import new_id
from partners.postgres.database import Database
from partners.tables.access import access_log
from partners.vocabulary import PartnerKind
from serializers.policies import VERSION
from serializers.search import searches
from tests.callers import access_token, add_caller, bearer
from tests.gateway.api.test_audit import Auditor
from tests.gateway.api.test_member_streams import peaks
from tests.gateway.api.test_webmaster import Webmaster, webmaster
from tests.serializers.ocsf_schema import faults
from tests.serializers.syslog_reading import read_cef

MANY = 10_000


@pytest.fixture
def auditor(db: Database, http: FlaskClient) -> Auditor:
    return Auditor(http, bearer(access_token(http, add_caller(db, PartnerKind.AUDITOR))))


@pytest.fixture
def w1(db: Database, http: FlaskClient) -> Webmaster:
    return webmaster(db, http, "w1")


@pytest.fixture
def two_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "CHUNK_ROWS", 2)


def export(auditor: Auditor, **query: Any) -> TestResponse:
    return auditor.http.get("/v1/audit/export", query_string=query, headers=auditor.headers)


def lines(answer: TestResponse) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.get_json()
    *rows, end = [json.loads(line) for line in answer.data.splitlines()]
    assert end == {"end": True, "rows": len(rows)}
    return rows


def exports(db: Database) -> list[Any]:
    with db.write.connect() as connection:
        asked = select(access_log).where(access_log.c.operation == "audit.export").order_by(access_log.c.at)
        return list(connection.execute(asked))


def entries(db: Database, number: int, **columns: Any) -> None:
    """Put entries on record, a millisecond apart, as if they had been there for a while."""
    first = datetime.now(UTC) - timedelta(seconds=number / 1_000 + 1)
    rows = [first + timedelta(milliseconds=place) for place in range(number)]
    fixed = {
        "request_id": "req_0", "partner": "w1", "operation": "members.list", "purpose": "campaigns",
        "outcome": "empty", "status": 200, "member_count": 0, "verdicts": [], "policy_version": VERSION, "leaf": b"",
    }  # fmt: skip
    with db.write.begin() as connection:
        connection.execute(insert(access_log), [{"at": at, "id": new_id(at), **fixed, **columns} for at in rows])


@pytest.mark.usefixtures("two_a_chunk")
def test_an_export_has_the_entries_of_all_pages_of_a_search(db: Database, w1: Webmaster, auditor: Auditor) -> None:
    w1.member(db, "m1", username_harmless=False)
    for path in ("/members", "/members", "/members/mbr_x", "/members", "/campaigns"):
        w1.get(path)

    for query in (
        {"partner": "w1"},
        {"operation": "members.list"},
        {"member": "m1"},
        {"field": "username", "reason": "username_identifying"},
        {"outcome": "not_found", "client": w1.caller.id},
        {"ip": "127.0.0.0/8", "partner": "w1"},
        {"member": "nobody"},
    ):
        assert lines(export(auditor, **query)) == auditor.entries(**query), query
    assert len(auditor.entries(operation="members.list")) == 3


@pytest.mark.usefixtures("two_a_chunk")
def test_csv_has_a_column_for_every_key(db: Database, w1: Webmaster, auditor: Auditor) -> None:
    w1.member(db, "m1", username_harmless=False)
    w1.member(db, "m2")
    w1.get("/members")
    w1.get("/members/mbr_x")
    w1.get("/members")

    answer = export(auditor, partner="w1", format="csv", **{"from": "2020-01-01T00:00:00Z"})

    assert answer.content_type == "text/csv; charset=utf-8; header=present"
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))
    listed = auditor.entries(partner="w1")
    assert list(rows[0]) == list(listed[0])
    for row, entry in zip(rows, listed, strict=True):
        for name, value in entry.items():
            if isinstance(value, list | dict):
                assert json.loads(row[name]) == value
            else:
                assert row[name] == ("" if value is None else str(value))


def test_no_cell_is_a_formula(db: Database, auditor: Auditor) -> None:
    entries(db, 1, partner="=cmd()", client="+1", model="@SUM(A1)", reason="-1")

    row = next(
        csv.DictReader(io.StringIO(export(auditor, format="csv", operation="members.list").get_data(as_text=True)))
    )

    assert (row["partner"], row["client"], row["model"], row["reason"]) == ("'=cmd()", "'+1", "'@SUM(A1)", "'-1")


def test_hostile_texts_stay_in_their_cells_and_fields(db: Database, auditor: Auditor) -> None:
    hostile = '=cmd()|a\\=\n\x1b[2J,"x"'
    entries(db, 1, partner=hostile, model=hostile[1:])

    (row,) = csv.DictReader(
        io.StringIO(export(auditor, format="csv", operation="members.list").get_data(as_text=True), newline="")
    )
    answer = export(auditor, format="cef", operation="members.list")

    assert (row["partner"], row["model"], row["operation"]) == (f"'{hostile}", hostile[1:], "members.list")
    assert answer.content_type == "text/plain; charset=utf-8"
    (line,) = answer.get_data(as_text=True).splitlines()
    assert "\x1b" not in line
    assert read_cef(line)[1]["partner"] == hostile.replace("\x1b", "\\u001b")


def test_ocsf_has_an_event_for_every_entry(db: Database, http: FlaskClient, w1: Webmaster, auditor: Auditor) -> None:
    w1.member(db, "m1", username_harmless=False)
    w1.get("/members")
    w1.get("/members/mbr_x")
    http.get("/v1/webmaster/members")
    entries(db, 1, operation="requests.create", partner="platform")

    listed = {entry["id"]: entry for entry in auditor.entries(limit=200)}
    answer = export(auditor, format="ocsf")

    events = {event["metadata"]["uid"]: event for event in map(json.loads, answer.data.splitlines())}
    assert answer.content_type == "application/x-ndjson"
    assert events.keys() - listed.keys() == {auditor.entries(operation="audit.search")[0]["id"]}
    for identifier, entry in listed.items():
        event = events[identifier]
        assert faults(event) == []
        assert event["time"] == int(datetime.fromisoformat(entry["at"]).timestamp() * 1_000)
        assert event["api"]["operation"] == entry["operation"]
        assert event["api"]["request"] == {"uid": entry["request_id"]}
        assert event["status_id"] == (2 if entry["status"] >= 400 else 1)
        assert event.get("status_code") == entry["reason"]
        assert [resource["uid"] for resource in event["resources"]] == entry["members"]
        assert event["unmapped"]["fields_withheld"] == entry["fields_withheld"]
        assert event["actor"].get("app_uid") == entry["client"]
    assert {event["activity_id"] for event in events.values()} == {1, 2, 99}


@pytest.mark.usefixtures("two_a_chunk")
def test_an_export_ends_with_what_there_was_when_it_began(w1: Webmaster, auditor: Auditor) -> None:
    for _ in range(5):
        w1.get("/members")
    answer = export(auditor)
    body = answer.iter_encoded()
    begun = [next(body), next(body)]

    w1.get("/campaigns")

    rows = [json.loads(line) for line in b"".join([*begun, *body]).splitlines()][:-1]
    assert "campaigns.list" not in {row["operation"] for row in rows}
    assert "audit.export" not in {row["operation"] for row in rows}
    assert [row["operation"] for row in rows].count("members.list") == 5
    assert len({row["id"] for row in rows}) == len(rows)


def test_the_export_is_on_record_before_the_first_byte(db: Database, w1: Webmaster, auditor: Auditor) -> None:
    w1.get("/members")

    answer = export(auditor, partner="w1")

    (row,) = exports(db)
    assert (row.outcome, row.audience, row.purpose, row.status) == ("released", "auditor", "security", 200)
    assert row.request_id == answer.headers["X-Request-Id"]
    answer.get_data()
    assert len(exports(db)) == 1


def test_no_record_no_export(w1: Webmaster, auditor: Auditor, database_url: str) -> None:
    w1.get("/members")
    from partners.postgres import database  # noqa: PLC0415

    owner = database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text("REVOKE INSERT ON access_network FROM gateway_write"))
    owner.dispose()

    assert export(auditor).status_code == 503


@pytest.mark.usefixtures("two_a_chunk")
@pytest.mark.parametrize("form", ["ndjson", "csv"])
def test_an_auditor_suspended_midway_gets_no_more_and_no_end(
    db: Database, w1: Webmaster, auditor: Auditor, form: str
) -> None:
    for _ in range(6):
        w1.get("/members")
    body = export(auditor, format=form, partner="w1").iter_encoded()
    received = [next(body), next(body)]

    with db.write.begin() as connection:
        connection.execute(text("UPDATE partner SET status = 'suspended' WHERE id = 'auditor'"))
    with pytest.raises(BrokenStreamError):
        received.extend(body)

    assert b"".join(received).count(b"members.list") == 2
    assert b'"end"' not in b"".join(received)
    assert [row.outcome for row in exports(db)] == ["released", "error"]


@pytest.mark.usefixtures("two_a_chunk")
def test_a_database_that_fails_midway_cuts_the_export(
    db: Database, w1: Webmaster, auditor: Auditor, database_url: str
) -> None:
    for _ in range(6):
        w1.get("/members")
    body = export(auditor, partner="w1").iter_encoded()
    received = [next(body), next(body)]
    from partners.postgres import database  # noqa: PLC0415

    owner = database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text("REVOKE SELECT ON access_subject FROM gateway_write"))
    owner.dispose()

    with pytest.raises(BrokenStreamError) as broken:
        received.extend(body)

    assert "access_subject" not in str(broken.value)
    assert [row.outcome for row in exports(db)] == ["released", "error"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"format": "xml"}, "format"),
        ({"limit": "5"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"field": "email"}, "field"),
        ({"ref": "mbr_x"}, "ref"),
        ({"from": "yesterday"}, "from"),
        ({"partner": ["w1", "w2"]}, "partner"),
    ],
)
def test_bad_exports_are_refused(auditor: Auditor, query: dict[str, Any], parameter: str) -> None:
    answer = export(auditor, **query)

    assert answer.status_code == 422
    assert [fault["parameter"] for fault in answer.get_json()["errors"]] == [parameter]


def test_other_audiences_get_nothing(w1: Webmaster) -> None:
    answer = w1.http.get("/v1/audit/export", headers=w1.headers)

    assert (answer.status_code, answer.content_type) == (403, "application/problem+json")


@pytest.mark.slow
def test_a_long_log_takes_no_more_memory_than_a_chunk(db: Database, auditor: Auditor) -> None:
    entries(db, MANY)

    _, first, second, *later = peaks(export(auditor, operation="members.list"))

    assert len(later) >= MANY // searches.CHUNK_ROWS - 2
    assert max(later) < 1.5 * max(first, second) < 16 * 1024 * 1024


@pytest.mark.usefixtures("two_a_chunk")
def test_entries_of_one_instant_are_each_there_once(db: Database, auditor: Auditor) -> None:
    entries(db, 7, at=datetime.now(UTC) - timedelta(minutes=1))
    with db.write.connect() as connection:
        expected = set(connection.execute(select(access_log.c.id).where(access_log.c.partner == "w1")).scalars())

    rows = lines(export(auditor, operation="members.list"))

    assert {UUID(hex=row["id"].removeprefix("acc_")) for row in rows} == expected
    assert len(rows) == 7
