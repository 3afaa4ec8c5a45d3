"""The access log's spool: nothing leaves that is not in it, or that is told, as the policy says."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from structlog.testing import capture_logs

from gateway.application import create_app
from gateway.http import streaming
from gateway.http.streaming import BrokenStreamError
from gateway.settings import Settings
from partners.access_log.append import record
from partners.access_log.noting import committed, noting
from partners.keyring import Keyring
from partners.postgres import database
from partners.postgres.database import Database
from partners.spool import file as files
from partners.spool.framing import key_of
from partners.spool.reading import Kept, extents, read
from partners.spool.spool import SpoolPolicy
from partners.tables.access import access_log
from partners.vocabulary import Outcome, PartnerKind
from tests.callers import access_token, add_caller, ask_token, bearer, model_token
from tests.conftest import SECRET
from tests.factories import add_model, add_relation
from tests.gateway.api.test_webmaster import Webmaster, webmaster
from tests.gateway.observability.test_metrics import told
from tests.partners.access_log.logs import access

NDJSON = {"Accept": "application/x-ndjson"}
OF_DENIALS = ("/v1/webmaster/members/no-such-ref-anywhere", 404)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "spool"
    made.mkdir()
    return made


@pytest.fixture
def policy() -> SpoolPolicy:
    return SpoolPolicy.ALL


@pytest.fixture
def app(settings: Settings, database_url: str, directory: Path, policy: SpoolPolicy) -> Iterator[Flask]:
    application = create_app(replace(settings, spool_dir=directory, spool_policy=policy), database_url)
    yield application
    application.extensions["runtime"].database.dispose()


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure is followed by the next attempt at once."""
    monkeypatch.setattr(files, "AGAIN_AFTER_S", 0.0)


@pytest.fixture
def w1(db: Database, http: FlaskClient) -> Webmaster:
    made = webmaster(db, http, "w1")
    for place in range(5):
        made.member(db, f"m{place}", username=f"canary_{place}")
    return made


def kept(directory: Path) -> list[bytes]:
    found = (each for extent in extents(directory) for each in read(extent, key_of(Keyring(SECRET))))
    return [each.leaf for each in found if isinstance(each, Kept)]


def recorded(db: Database) -> list[bytes]:
    with db.write.connect() as connection:
        return list(connection.execute(select(access_log.c.leaf)).scalars())


def test_every_record_that_a_request_makes_is_kept_to_the_byte(
    db: Database, http: FlaskClient, w1: Webmaster, directory: Path
) -> None:
    with db.write.begin() as connection:
        mdl = add_model(connection, "mdl-1")
        add_relation(connection, mdl, 1, favorite=True)
    card = bearer(model_token(http, db, add_caller(db, PartnerKind.MODEL_CENTER)))
    audit = bearer(access_token(http, add_caller(db, PartnerKind.AUDITOR)))
    platform = bearer(access_token(http, add_caller(db, PartnerKind.PLATFORM)))
    ref = w1.rows()[0]["ref"]
    stats = "/v1/webmaster/stats?from=2026-10-01&to=2026-10-31"
    own = (
        "members",
        f"members/{ref}",
        "purchases",
        "campaigns",
        "statements",
        OF_DENIALS[0].rpartition("webmaster/")[2],
    )
    asked: list[tuple[str, dict[str, str]]] = [
        *((f"/v1/webmaster/{path}", w1.headers) for path in own),
        *((path, w1.headers | NDJSON) for path in ("/v1/webmaster/members", f"{stats}&group=day", stats)),
        (stats, w1.headers),
        *((path, card) for path in ("/v1/model/members/canary_0", "/v1/model/members?relation=any")),
        ("/v1/model/members/nobody", card),
        ("/v1/audit/accesses", audit | {"Case-Number": "SEC-1", "Case-Purpose": "incident"}),
        ("/v1/audit/accesses/export", audit),
        ("/v1/platform/members/m1/disclosures", platform),
        ("/v1/webmaster/members", {}),
        ("/v1/webmaster/members", audit),
        ("/v1/webmaster/members", w1.headers | {"If-None-Match": "*"}),
    ]

    statuses = []
    for path, headers in asked:
        answer = http.get(path, headers=headers)
        statuses.append(answer.status_code)
        assert answer.data or answer.status_code == 304
    change = {"share_regular_payer": True}
    http.patch("/v1/platform/members/m1/privacy", headers=platform, json=change).close()

    assert {200, 304, 401, 403, 404} <= set(statuses) <= {200, 304, 401, 403, 404, 422}, statuses
    assert sorted(kept(directory)) == sorted(recorded(db))
    assert len(kept(directory)) > len(asked)
    text = b"".join(path.read_bytes() for path in directory.iterdir())
    assert not [
        word for word in (b"canary_", b'"m1"', b"127.0.0.1", w1.headers["Authorization"].encode()) if word in text
    ]


@pytest.mark.usefixtures("at_once")
def test_with_all_nothing_is_answered_that_the_spool_does_not_take(
    db: Database, http: FlaskClient, w1: Webmaster, directory: Path
) -> None:
    unchanged = w1.headers | {"If-None-Match": "*"}
    assert http.get("/v1/webmaster/members", headers=unchanged).status_code == 304
    directory.rename(directory.with_name("away"))
    assert http.get("/v1/webmaster/members", headers=unchanged).status_code == 503
    before = told(http)["gateway_spool_failures_total",]

    with capture_logs() as lines:
        answer = w1.get("/members")

    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert answer.get_json()["type"].endswith("#audit-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert "ETag" not in answer.headers
    assert "canary" not in answer.text
    (line,) = [line for line in lines if line["event"] == "spool_silent"]
    assert (line["why"], line["request_id"]) == ("No such file or directory", answer.headers["X-Request-Id"])
    assert answer.headers["X-Request-Id"].encode() in b"".join(recorded(db))
    assert told(http)["gateway_spool_failures_total",] == before + 1
    ready = http.get("/readyz")
    assert (ready.status_code, "spool" in ready.get_json()["detail"]) == (503, True)

    directory.with_name("away").rename(directory)
    assert len(w1.rows()) == 5
    assert http.get("/readyz").get_json() == {"status": "ready"}


def test_with_all_nothing_is_answered_of_which_nobody_can_tell_whether_it_is_on_record(
    http: FlaskClient, w1: Webmaster, directory: Path, database_url: str
) -> None:
    owner = database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text("REVOKE EXECUTE ON FUNCTION pg_xact_status(xid8) FROM PUBLIC"))
    before = len(kept(directory))

    answer = ask_token(http, w1.caller)

    with owner.begin() as connection:
        connection.execute(text("GRANT EXECUTE ON FUNCTION pg_xact_status(xid8) TO PUBLIC"))
    owner.dispose()
    assert (answer.status_code, len(kept(directory))) == (503, before)
    assert told(http)["gateway_spool_failures_total",] == 1
    assert ask_token(http, w1.caller).status_code == 200


@pytest.mark.usefixtures("at_once")
def test_refusals_stay_refusals(http: FlaskClient, w1: Webmaster, directory: Path) -> None:
    directory.rename(directory.with_name("away"))

    path, status = OF_DENIALS
    assert http.get(path, headers=w1.headers).status_code == status
    assert http.get("/v1/webmaster/members").status_code == 401
    assert ask_token(http, replace(w1.caller, secret="wrong")).status_code == 401
    assert told(http)["gateway_spool_failures_total",] == 3


@pytest.mark.usefixtures("at_once")
def test_tokens_are_withheld_in_the_form_of_oauth(http: FlaskClient, w1: Webmaster, directory: Path) -> None:
    directory.rename(directory.with_name("away"))

    answer = ask_token(http, w1.caller)

    assert answer.status_code == 503
    assert answer.get_json()["error"] == "temporarily_unavailable"
    assert "access_token" not in answer.text


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("policy", [SpoolPolicy.ANY])
def test_with_any_it_is_answered_and_told(http: FlaskClient, w1: Webmaster, directory: Path) -> None:
    directory.rename(directory.with_name("away"))

    with capture_logs() as lines:
        answer = w1.get("/members")

    assert answer.status_code == 200
    assert [line["policy"] for line in lines if line["event"] == "spool_silent"] == ["any"]
    assert told(http)["gateway_spool_failures_total",] == 1
    ready = http.get("/readyz")
    assert (ready.status_code, ready.get_json()["status"]) == (200, "ready")
    assert ready.get_json()["lacks"] == ["the access log's spool cannot be written"]


def test_a_file_that_is_deleted_is_told_and_replaced(http: FlaskClient, w1: Webmaster, directory: Path) -> None:
    (before,) = extents(directory)
    before.path.unlink()

    with capture_logs() as lines:
        w1.rows()

    assert [line["file"] for line in lines if line["event"] == "spool_file_lost"] == [before.path.name]
    assert told(http)["gateway_spool_files_lost_total",] == 1
    assert len(kept(directory)) == 1


@pytest.mark.usefixtures("at_once")
def test_a_stream_ends_where_the_spool_does(w1: Webmaster, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "CHUNK_ROWS", 2)
    answer = w1.http.get("/v1/webmaster/members", headers=w1.headers | NDJSON, buffered=False)
    pieces, received = iter(answer.response), []
    received.append(next(pieces))
    (file,) = extents(directory)
    directory.rename(directory.with_name("away"))

    with pytest.raises(BrokenStreamError):
        received.extend(pieces)

    rows = [json.loads(line) for piece in received for line in bytes(piece).splitlines()]
    lists = [leaf for leaf in map(json.loads, kept(directory.with_name("away"))) if leaf["operation"] == "members.list"]
    assert len(rows) == sum(leaf["member_count"] for leaf in lists) == 2
    assert file.path.name in {path.name for path in directory.with_name("away").iterdir()}
    assert not [row for row in rows if "end" in row]


def test_a_stream_is_kept_chunk_by_chunk_and_its_break_too(
    db: Database, w1: Webmaster, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "CHUNK_ROWS", 2)
    answer = w1.http.get("/v1/webmaster/members", headers=w1.headers | NDJSON, buffered=False)
    pieces = iter(answer.response)
    while b"canary_2" not in bytes(next(pieces)):
        pass
    answer.close()

    assert sorted(kept(directory)) == sorted(recorded(db))
    assert "error" in {json.loads(leaf)["outcome"] for leaf in kept(directory)}


@pytest.mark.slow
def test_a_disk_that_hangs_is_no_longer_waited_for_than_promised(
    w1: Webmaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = Event()
    monkeypatch.setattr(os, "fdatasync", lambda _: goes_on.wait())
    seconds = []
    for _ in range(3):
        begun = time.monotonic()
        assert w1.get("/members").status_code == 503
        seconds.append(time.monotonic() - begun)
    goes_on.set()

    assert max(seconds) < 3
    assert max(seconds[1:]) < 1


def test_what_was_taken_back_is_not_kept(db: Database) -> None:
    with noting() as noted:
        with db.write.begin() as connection:
            record(connection, access(partner="w1"), outcome=Outcome.RELEASED, status=200)
        with db.write.connect() as connection:
            record(connection, access(partner="w2"), outcome=Outcome.RELEASED, status=200)
            connection.rollback()
        with db.write.begin() as connection:
            record(connection, access(partner="w3"), outcome=Outcome.RELEASED, status=200)
            under_way = committed(db.write, noted)

    assert [json.loads(leaf)["partner"] for leaf in under_way] == ["w1"]
    assert sorted(committed(db.write, noted)) == sorted(recorded(db))


def test_without_a_spool_nothing_is_noted(settings: Settings, database_url: str) -> None:
    application = create_app(settings, database_url)

    assert "spooling" not in application.extensions
    assert application.dispatch_request == Flask.dispatch_request.__get__(application)
    application.extensions["runtime"].database.dispose()
