"""The pull stream: whatever follows an index, sealed, in order, once each; and pulls that do not feed on themselves."""

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from partners.access_log.checkpoints import origin_of, signer_of
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.vocabulary import PartnerKind
from serializers.audit import LONGEST_WAIT_S
from tests.callers import access_token, add_caller, bearer
from tests.conftest import SECRET
from tests.gateway.api.test_webmaster import Webmaster, webmaster
from tests.partners.access_log.logs import Log
from tests.recycling import Recycled
from tests.serializers.ocsf_schema import faults
from tests.serializers.syslog_reading import read_cef

ORIGIN = origin_of("http://127.0.0.1:8000")


@pytest.fixture
def log(own: Recycled, tmp_path: Path) -> Log:
    return Log(own.url, tmp_path, signer_of(Keyring(SECRET), ORIGIN, 1), own=own)


@pytest.fixture
def auditor(db: Database, http: FlaskClient) -> dict[str, str]:
    return bearer(access_token(http, add_caller(db, PartnerKind.AUDITOR)))


@pytest.fixture
def w1(db: Database, http: FlaskClient) -> Webmaster:
    return webmaster(db, http, "w1")


def pull(http: FlaskClient, auditor: dict[str, str], **query: Any) -> TestResponse:
    answer = http.get("/v1/audit/stream", query_string=query, headers=auditor)
    assert answer.status_code == 200, answer.get_json()
    return answer


def lines(answer: TestResponse) -> list[dict[str, Any]]:
    return [json.loads(line) for line in answer.data.splitlines()]


def drain(http: FlaskClient, auditor: dict[str, str], log: Log, **query: Any) -> list[dict[str, Any]]:
    """Pull until nothing comes, while everything is sealed at once; there must be an end to it."""
    found: list[dict[str, Any]] = []
    for _ in range(50):
        log.seal()
        after = {"after": found[-1]["index"]} if found else {}
        more = lines(pull(http, auditor, **after, **query))
        if not more:
            return found
        found += more
    raise AssertionError("the stream feeds on itself")


def records(log: Log) -> list[Any]:
    return log.sql("SELECT * FROM access_log WHERE operation = 'audit.stream' ORDER BY at")


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_every_entry_comes_once_in_the_order_of_the_tree(
    http: FlaskClient, auditor: dict[str, str], log: Log, limit: int
) -> None:
    log.grow(5, 6)

    found = drain(http, auditor, log, limit=limit)

    sealed = log.sql("SELECT index, access FROM sealed_leaf ORDER BY index")
    assert [entry["index"] for entry in found] == list(range(len(found)))
    assert [entry["id"] for entry in found] == [f"acc_{row.access.hex}" for row in sealed][: len(found)]
    assert len(found) >= 12
    assert {row.outcome for row in records(log)} == {"released", "empty"}


def test_only_what_is_sealed_leaves(http: FlaskClient, auditor: dict[str, str], w1: Webmaster, log: Log) -> None:
    log.seal()
    before = lines(pull(http, auditor))
    w1.get("/members")

    after = before[-1]["index"]
    assert lines(pull(http, auditor, after=after)) == []
    log.seal()
    news = lines(pull(http, auditor, after=after))

    # The pulls' own records came along.
    assert [entry["operation"] for entry in news] == ["audit.stream", "members.list", "audit.stream"]


def test_a_line_is_the_entry_that_a_search_finds(
    http: FlaskClient, auditor: dict[str, str], w1: Webmaster, log: Log
) -> None:
    w1.member(log.engines, "m1", username_harmless=False)
    w1.get("/members")
    log.seal()

    (line,) = (line for line in lines(pull(http, auditor)) if line["operation"] == "members.list")

    found = http.get("/v1/audit/accesses?operation=members.list", headers=auditor).get_json()["data"]
    assert [line] == found
    assert line["members"] == ["m1"]


def test_pulls_of_several_readers_are_no_news_to_each_other(
    db: Database, http: FlaskClient, auditor: dict[str, str], log: Log
) -> None:
    other = bearer(access_token(http, add_caller(db, PartnerKind.AUDITOR, "second")))
    places = {}
    for reader in (auditor, other):
        places[str(reader)] = drain(http, reader, log)[-1]["index"]

    for _ in range(3):
        for reader in (auditor, other):
            log.seal()
            assert lines(pull(http, reader, after=places[str(reader)])) == []
    denied = http.get("/v1/audit/stream", headers={"Authorization": "Bearer x"})
    log.seal()

    assert denied.status_code == 401
    news = lines(pull(http, auditor, after=places[str(auditor)]))
    assert [entry["outcome"] for entry in news if entry["operation"] == "audit.stream"][-1] == "denied"


def test_all_forms_have_the_same_entries(http: FlaskClient, auditor: dict[str, str], w1: Webmaster, log: Log) -> None:
    w1.get("/members")
    w1.get("/members/mbr_x")
    log.seal()

    told = lines(pull(http, auditor))
    events = lines(pull(http, auditor, format="ocsf"))
    cef = pull(http, auditor, format="cef")

    assert [event["metadata"]["sequence"] for event in events] == [entry["index"] for entry in told]
    assert [faults(event) for event in events] == [[]] * len(told)
    assert cef.content_type == "text/plain; charset=utf-8"
    texts = [read_cef(line)[1] for line in cef.get_data(as_text=True).splitlines()]
    assert [(text["externalId"], int(text["index"])) for text in texts] == [(e["id"], e["index"]) for e in told]


def test_an_answer_tells_the_log_s_name_and_size(http: FlaskClient, auditor: dict[str, str], log: Log) -> None:
    empty = pull(http, auditor)
    assert (empty.headers["Log-Size"], empty.data, empty.content_length) == ("0", b"", 0)
    size = log.seal().size

    answer = pull(http, auditor, limit=1)

    assert (answer.headers["Log-Origin"], answer.headers["Log-Size"]) == (ORIGIN, str(size))
    assert answer.content_length == len(answer.data)


def test_who_waits_gets_what_is_sealed_meanwhile(app: Flask, auditor: dict[str, str], w1: Webmaster, log: Log) -> None:
    log.seal()
    http = app.test_client()
    place = lines(pull(http, auditor))[-1]["index"]
    answers: list[tuple[float, list[Any]]] = []

    def wait() -> None:
        began = time.monotonic()
        found = lines(pull(app.test_client(), auditor, after=place, wait=LONGEST_WAIT_S))
        answers.append((time.monotonic() - began, found))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.7)
    log.seal()
    assert waiting.is_alive(), "its own pull's record woke it"
    w1.get("/members")
    log.seal()
    waiting.join(timeout=LONGEST_WAIT_S)

    ((seconds, found),) = answers
    assert seconds < LONGEST_WAIT_S - 1
    assert found[-1]["operation"] == "members.list"


def test_who_waits_for_nothing_is_told_so_in_time(http: FlaskClient, auditor: dict[str, str], log: Log) -> None:
    place = drain(http, auditor, log)[-1]["index"]
    began = time.monotonic()

    assert lines(pull(http, auditor, after=place, wait=1)) == []

    assert time.monotonic() - began >= 1


def test_few_may_wait_at_once(app: Flask, auditor: dict[str, str], log: Log) -> None:
    place = drain(app.test_client(), auditor, log)[-1]["index"]
    seats = app.extensions["runtime"].seats
    taken = [seats.acquire(blocking=False) for _ in range(3)]
    began = time.monotonic()

    assert lines(pull(app.test_client(), auditor, after=place, wait=LONGEST_WAIT_S)) == []

    assert taken == [True, True, False]
    assert time.monotonic() - began < LONGEST_WAIT_S / 2


def test_who_is_suspended_while_waiting_gets_nothing(app: Flask, auditor: dict[str, str], log: Log) -> None:
    place = drain(app.test_client(), auditor, log)[-1]["index"]
    answers: list[TestResponse] = []

    def wait() -> None:
        query = {"after": place, "wait": LONGEST_WAIT_S}
        answers.append(app.test_client().get("/v1/audit/stream", query_string=query, headers=auditor))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.3)
    log.sql("UPDATE partner SET status = 'suspended' WHERE id = 'auditor'")
    log.grow(1)
    waiting.join(timeout=LONGEST_WAIT_S)

    assert [answer.status_code for answer in answers] == [401]
    assert records(log)[-1].reason == "suspended"


def test_no_record_no_line(http: FlaskClient, auditor: dict[str, str], log: Log) -> None:
    log.grow(3)
    log.sql("REVOKE INSERT ON access_network FROM gateway_write")

    assert http.get("/v1/audit/stream", headers=auditor).status_code == 503


def test_a_record_that_is_no_longer_kept_holds_nobody_up(http: FlaskClient, auditor: dict[str, str], log: Log) -> None:
    log.grow(4)
    log.sql("DELETE FROM access_log WHERE id = (SELECT access FROM sealed_leaf WHERE index = 2)")

    found = lines(pull(http, auditor))

    assert [entry["index"] for entry in found] == list(range(len(found)))
    assert (found[2]["operation"], found[2]["outcome"], found[2]["members"]) == (None, None, [])
    assert faults(lines(pull(http, auditor, format="ocsf"))[2]) == []


def test_an_index_that_is_gone_is_no_end_and_is_not_passed(
    http: FlaskClient, auditor: dict[str, str], log: Log
) -> None:
    log.grow(6)
    log.sql("DELETE FROM sealed_leaf WHERE index = 3")

    assert [entry["index"] for entry in lines(pull(http, auditor))] == [0, 1, 2]
    assert http.get("/v1/audit/stream?after=2", headers=auditor).status_code == 503


def test_bad_pulls_are_refused(http: FlaskClient, auditor: dict[str, str], log: Log) -> None:
    log.seal()
    for query, parameter in (
        ({"after": 10_000}, "after"),
        ({"after": -2}, "after"),
        ({"after": "x"}, "after"),
        ({"after": "+1"}, "after"),
        ({"after": " 1"}, "after"),
        ({"after": "-01"}, "after"),
        ({"limit": 0}, "limit"),
        ({"limit": 1_001}, "limit"),
        ({"wait": 11}, "wait"),
        ({"format": "csv"}, "format"),
        ({"partner": "w1"}, "partner"),
    ):
        answer = http.get("/v1/audit/stream", query_string=query, headers=auditor)

        assert answer.status_code == 422, query
        assert [fault["parameter"] for fault in answer.get_json()["errors"]] == [parameter]
