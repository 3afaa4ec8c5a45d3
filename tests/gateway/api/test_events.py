"""The platform sends events over HTTP: lines as a stream, or a small batch; every time is on record."""

import tracemalloc
from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from gateway.api import events
from partners.feed import Report
from partners.postgres import database
from partners.postgres.database import Database
from partners.tables.access import access_log, access_subject
from partners.tables.activity import applied_event
from partners.tables.member import member
from partners.vocabulary import PartnerKind
from tests.callers import access_token, add_caller, bearer
from tests.feeding import at, event, lines, purchased, registered, updated

EVENTS = "/v1/platform/events"
LINES = "application/x-ndjson"
BATCH = "application/cloudevents-batch+json"


class Sender:
    """The platform's back end."""

    def __init__(self, http: FlaskClient, db: Database) -> None:
        self.http, self.db = http, db
        self.token = bearer(access_token(http, add_caller(db, PartnerKind.PLATFORM)))

    def post(self, body: Any, content_type: str | None = LINES, **headers: str) -> TestResponse:
        return self.http.post(EVENTS, data=body, content_type=content_type, headers=self.token | headers)

    def stream(self, chunks: Iterable[bytes]) -> TestResponse:
        """Send without saying how much there will be."""

        class Body:
            left = b""
            given = iter(chunks)

            def read(self, size: int = -1) -> bytes:
                while not self.left:
                    chunk = next(self.given, None)
                    if chunk is None:
                        return b""
                    self.left = chunk
                taken, self.left = self.left[:size], self.left[size:]
                return taken

        return self.http.post(
            EVENTS,
            headers=self.token,
            content_type=LINES,
            environ_overrides={"wsgi.input": Body(), "wsgi.input_terminated": True},
        )

    def records(self) -> list[tuple[str, int, int]]:
        log = access_log.c
        with self.db.write.connect() as connection:
            rows = connection.execute(
                select(log.outcome, log.status, log.member_count)
                .where(log.operation == "events.write", log.purpose == "operation")
                .order_by(log.at, log.id)
            )
            return [tuple(row) for row in rows]

    def opt_outs(self) -> list[tuple[str, str]]:
        """Reason and member of what the log tells of them."""
        about = (access_log.c.reason, member.c.id)
        with self.db.write.connect() as connection:
            found = select(*about).join(access_subject, access_subject.c.access == access_log.c.id)
            rows = connection.execute(
                found.join(member, member.c.number == access_subject.c.member)
                .where(access_log.c.operation == "events.write", access_log.c.reason.is_not(None))
                .order_by(*about)
            )
            return [tuple(row) for row in rows]

    def count(self, table: Any) -> int:
        with self.db.write.connect() as connection:
            return len(connection.execute(select(*table.primary_key)).all())


@pytest.fixture
def sender(http: FlaskClient, db: Database) -> Sender:
    return Sender(http, db)


def test_lines_are_applied_and_counted(sender: Sender) -> None:
    body = lines(registered(id="e1"), purchased(), {"id": "e3"}, registered(id="e1")) + b"\nnot json"

    answer = sender.post(body)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    document = answer.get_json()
    assert [document.pop(name) for name in ("accepted", "duplicates", "rejected")] == [2, 1, 2]
    assert [(error["line"], error["id"], error["code"]) for error in document.pop("errors")] == [
        (3, "e3", "invalid_event"),
        (6, None, "invalid_json"),
    ]
    assert document == {}
    assert sender.records() == [("released", 200, 0)]


def test_nothing_to_read_is_read(sender: Sender) -> None:
    answer = sender.post(b"")

    assert answer.get_json() == {"accepted": 0, "duplicates": 0, "rejected": 0, "errors": []}


def test_body_of_unknown_length_is_read_as_a_stream(sender: Sender) -> None:
    told = lines(*(registered(f"m{number}") for number in range(50)))

    answer = sender.stream(told[start : start + 100] for start in range(0, len(told), 100))

    assert answer.get_json()["accepted"] == 50


def test_body_of_any_size_is_read_in_bounded_memory(sender: Sender) -> None:
    line = lines(registered(id="e1") | {"extension": "x" * 60_000})
    most = 24 * 1024 * 1024

    tracemalloc.start()
    try:
        answer = sender.stream(line for _ in range(4 * most // len(line)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert answer.get_json()["rejected"] == 0
    assert peak < most


def test_media_type_may_have_parameters(sender: Sender) -> None:
    assert sender.post(lines(registered()), f"{LINES}; charset=utf-8").get_json()["accepted"] == 1


def test_batch_is_applied_and_counted_from_one(sender: Sender) -> None:
    answer = sender.post(orjson.dumps([registered(), updated("m2"), 7]), BATCH)

    assert answer.status_code == 200
    document = answer.get_json()
    assert document["accepted"] == 1
    assert [(error["line"], error["code"]) for error in document["errors"]] == [
        (2, "unknown_member"),
        (3, "invalid_event"),
    ]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[", 400),
        (b"{}", 400),
        (b"null", 400),
        (b"[" * 2_000, 400),
        (orjson.dumps([{}] * 1_001), 413),
        (b"[" + b" " * (1024 * 1024) + b"]", 413),
    ],
    ids=["nothing", "broken", "object", "null", "deep", "many", "large"],
)
def test_batch_that_cannot_be_read_as_a_whole_is_refused(sender: Sender, body: bytes, status: int) -> None:
    answer = sender.post(body, BATCH)

    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert sender.records() == [("error", status, 0)]


def test_batch_at_its_limits_is_read(sender: Sender) -> None:
    assert sender.post(orjson.dumps([{}] * 1_000), BATCH).get_json()["rejected"] == 1_000
    assert sender.post(b"[" + b" " * (1024 * 1024 - 2) + b"]", BATCH).status_code == 200


def test_event_of_a_batch_may_be_as_long_as_a_line(sender: Sender) -> None:
    event = registered()
    batch = [event | {"id": f"e{size}", "extension": "x" * size} for size in (60_000, 70_000)]

    report = sender.post(orjson.dumps(batch), BATCH).get_json()

    assert (report["accepted"], [(error["line"], error["code"]) for error in report["errors"]]) == (
        1, [(2, "invalid_event")]
    )  # fmt: skip


def test_event_of_a_batch_may_be_nested_deeply(sender: Sender) -> None:
    body = b'[{"data": ' + b"[" * 900 + b"]" * 900 + b"}]"

    assert sender.post(body, BATCH).get_json()["rejected"] == 1


@pytest.mark.parametrize(
    "content_type", [None, "application/json", "application/cloudevents+json", "text/plain", "multipart/form-data"]
)
def test_other_media_types_are_415(sender: Sender, content_type: str | None) -> None:
    answer = sender.post(lines(registered()), content_type)

    assert answer.status_code == 415
    assert answer.headers["Accept"] == f"{LINES}, {BATCH}"
    assert sender.records() == [("error", 415, 0)]
    assert sender.count(applied_event) == 0


def test_compressed_body_is_415(sender: Sender) -> None:
    assert sender.post(b"\x1f\x8b", **{"Content-Encoding": "gzip"}).status_code == 415


def test_unknown_query_parameter_is_422(sender: Sender) -> None:
    answer = sender.http.post(f"{EVENTS}?dry_run=1", data=b"", content_type=LINES, headers=sender.token)

    assert answer.status_code == 422


def test_body_that_breaks_off_is_400_and_on_record(sender: Sender) -> None:
    told = lines(registered())

    answer = sender.http.post(
        EVENTS,
        data=told,
        content_type=LINES,
        headers=sender.token,
        environ_overrides={"CONTENT_LENGTH": str(len(told) + 10)},
    )

    assert answer.status_code == 400
    assert sender.records() == [("error", 400, 0)]
    assert sender.post(told).get_json()["accepted"] == 1


def test_what_nobody_expected_is_500_here_and_on_record(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Report:
        raise RuntimeError

    monkeypatch.setattr(events, "apply_stream", fail)

    assert sender.post(lines(registered())).status_code == 500
    assert sender.records() == [("error", 500, 0)]


def test_what_the_database_refuses_is_503_and_may_be_sent_again(sender: Sender, database_url: str) -> None:
    owner = database.owner(database_url)
    told = lines(registered("m1"), registered("m2"))
    with owner.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE member ADD CONSTRAINT broken CHECK (id <> 'm2')")

    answer = sender.post(told)

    assert answer.status_code == 503
    assert "Retry-After" in answer.headers
    assert sender.records() == [("error", 503, 0)]
    assert sender.count(member) == 0
    with owner.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE member DROP CONSTRAINT broken")
    owner.dispose()
    assert sender.post(told).get_json()["accepted"] == 2


@pytest.mark.parametrize(
    ("kind", "status"), [(PartnerKind.WEBMASTER, 403), (PartnerKind.AUDITOR, 403), (None, 401)], ids=str
)
def test_nobody_but_the_platform_writes_events(
    http: FlaskClient, db: Database, kind: PartnerKind | None, status: int
) -> None:
    headers = bearer(access_token(http, add_caller(db, kind))) if kind else {}

    answer = http.post(EVENTS, data=lines(registered()), content_type=LINES, headers=headers)

    assert answer.status_code == status
    with db.write.connect() as connection:
        assert connection.execute(select(member.c.id)).all() == []


def test_report_echoes_no_value_of_a_line(sender: Sender) -> None:
    canary = "canary5f1d"
    body = lines(
        registered(username=canary + "/"),
        registered(**{canary: canary}),
        registered(webmaster=canary),
        updated(subject=canary),
        purchased(canary, subject=canary),
        {"id": "e", "data": {"email": canary, canary: canary}},
        {"id": "e", "type": canary, "source": canary, "time": canary, "specversion": canary, "data": canary},
    )

    answer = sender.post(body)

    assert answer.get_json()["rejected"] == 7
    assert canary not in answer.text


@pytest.mark.parametrize("batch", [False, True])
def test_opt_outs_of_the_feed_are_in_the_log_as_those_of_a_patch(sender: Sender, *, batch: bool) -> None:
    """Contract §9."""
    later = at(hours=1)
    events = [
        event("member.signal_received", "held", later, signal="gpc"),
        *(registered(who) for who in ("held", "m1", "m2", "m3", "m4")),
        event("member.signal_received", "m1", later, signal="gpc"),
        event("member.privacy_changed", "m2", later, affiliate_sharing=False, service_consent=False),
        event("member.privacy_changed", "m3", later, affiliate_sharing=True, mask_visibility="private"),
        event("member.privacy_changed", "m3", at(hours=-1), affiliate_sharing=False),
        *(event("member.privacy_changed", "m4", at(hours=hour), affiliate_sharing=hour == 2) for hour in (1, 2, 3)),
        event("member.privacy_changed", "m4", at(hours=4), affiliate_sharing=True),
    ]

    answer = sender.post(orjson.dumps(events), BATCH) if batch else sender.post(lines(*events))

    assert answer.get_json()["accepted"] == len(events)
    told = [("opted_out", "held"), ("opted_out", "m1"), ("opted_out", "m2"), ("consent_withdrawn", "m2")]
    told += [("opted_out", "m4")] * 2
    assert sender.opt_outs() == sorted(told)
