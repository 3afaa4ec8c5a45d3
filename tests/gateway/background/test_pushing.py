"""Pushing the sealed log: in order, at least once, and nothing that one tool does holds anybody up."""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from flask.testing import FlaskClient

from gateway.background import carriers, pushing
from gateway.background.carriers import Answer
from gateway.background.pushing import LONGEST_WAIT_S, MOST_REFUSALS, Pushing
from gateway.settings import Settings
from partners.access_log import sinks
from partners.access_log.checkpoints import signer_of
from partners.access_log.sinks import Wanted
from partners.keyring import Keyring
from partners.postgres.database import Database
from tests.conftest import SECRET
from tests.gateway.log_receivers import DIES, TAKEN, Syslog, Tool, certificate, syslog, tool
from tests.partners.access_log.logs import Log
from tests.recycling import Recycled
from tests.serializers.ocsf_schema import faults

LONG_AGO = timedelta(days=1)


@pytest.fixture
def log(own: Recycled, tmp_path: Path, settings: Settings) -> Log:
    return Log(own.url, tmp_path, signer_of(Keyring(SECRET), settings.log_origin, 1), own=own)


@pytest.fixture
def worker(db: Database, settings: Settings, keyring: Keyring) -> Pushing:
    """A worker that tells nobody that there is nothing."""
    return Pushing(settings, keyring, db, heartbeat=LONG_AGO)


@pytest.fixture
def siem() -> Iterator[Tool]:
    with tool() as made:
        yield made


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Syslog]:
    with syslog(tmp_path) as made:
        yield made


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing, "BATCH", 10)


def add(log: Log, receiver: Tool | Syslog, name: str = "siem", **more: Any) -> None:
    form = "cef" if isinstance(receiver, Syslog) else more.pop("form", "ndjson")
    authorities = (log.directory / "ca.pem").read_text() if isinstance(receiver, Syslog) else None
    wanted = Wanted(name, receiver.url, form, isinstance(receiver, Tool), **({"authorities": authorities} | more))
    with log.engines.write.begin() as connection:
        secret = sinks.add(connection, wanted, Keyring(SECRET))
    # As if it had taken something just now: no test but that of heartbeats wants one.
    log.sql("UPDATE log_sink SET delivered_at = now()")
    if isinstance(receiver, Tool):
        receiver.secret = secret or ""


def sink(log: Log, name: str = "siem") -> Any:
    (row,) = log.sql("SELECT * FROM log_sink WHERE name = :name", name=name)
    return row


def make_due(log: Log) -> None:
    """As if the time to try again had come."""
    log.sql("UPDATE log_sink SET next_attempt_at = now(), leased_until = NULL")


@contextmanager
def working(worker: Pushing) -> Iterator[None]:
    """A worker that goes on while the block runs."""
    stop = Event()
    thread = Thread(target=worker.run, args=[stop])
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def until(condition: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def test_batches_are_signed_in_order_and_on_record_and_feed_on_nothing(
    log: Log, worker: Pushing, siem: Tool, settings: Settings
) -> None:
    log.grow(20, 15)
    add(log, siem)

    assert worker.once() == 35

    assert siem.indexes == list(range(35))
    assert [len(body["data"]["entries"]) for body in siem.bodies] == [10, 10, 10, 5]
    assert [(b["type"], b["data"]["first"], b["data"]["last"]) for b in siem.bodies[:2]] == [
        ("access_log.entries", 0, 9), ("access_log.entries", 10, 19)
    ]  # fmt: skip
    assert {body["data"]["log"] for body in siem.bodies} == {settings.log_origin}
    pushes = log.sql("SELECT * FROM access_log WHERE operation = 'audit.push'")
    assert {(row.client, row.outcome, row.purpose) for row in pushes} == {("sink:siem", "released", "security")}
    assert len(pushes) == 4
    log.seal()
    assert worker.once() == 0
    log.grow(1)
    assert worker.once() == 5
    assert (sink(log).position, sink(log).trouble) == (39, None)


def test_nothing_is_sent_without_a_record(log: Log, worker: Pushing, siem: Tool) -> None:
    log.grow(3)
    add(log, siem)
    log.sql("REVOKE INSERT ON access_network FROM gateway_write")

    with pytest.raises(Exception, match="permission denied"):
        worker.once()

    assert siem.ids == []


def test_a_failed_batch_comes_again_the_same_whatever_was_sealed_meanwhile(
    log: Log, worker: Pushing, siem: Tool
) -> None:
    troubles = iter([(500, {}), (429, {"Retry-After": "120"}), (302, {"Location": siem.url}), (DIES, {}), TAKEN])
    siem.answer = lambda _: next(troubles, TAKEN)
    log.grow(4)
    add(log, siem)
    said = []
    for _ in range(4):
        assert worker.once() == 0
        row = sink(log)
        said.append((row.trouble, row.failures, row.position))
        assert row.next_attempt_at > row.added_at
        log.grow(1)
        make_due(log)

    assert worker.once() > 4

    assert said == [("HTTP 500", 1, -1), ("HTTP 429", 2, -1), ("HTTP 302", 3, -1), ("RemoteProtocolError", 4, -1)]
    assert len(set(siem.ids[:5])) == 1
    assert siem.indexes == list(range(sink(log).position + 1))
    assert (sink(log).failures, sink(log).trouble) == (0, None)
    pushes = log.sql("SELECT 1 FROM access_log WHERE operation = 'audit.push'")
    assert len(pushes) == len(set(siem.ids))


def test_a_sink_that_asks_for_time_gets_it(log: Log, worker: Pushing, siem: Tool) -> None:
    siem.answer = lambda _: (503, {"Retry-After": "120"})
    log.grow(1)
    add(log, siem)

    worker.once()

    (row,) = log.sql("SELECT next_attempt_at - now() AS pause FROM log_sink")
    assert timedelta(seconds=100) < row.pause <= timedelta(seconds=120)
    assert worker.once() == 0
    assert len(siem.ids) == 1


def test_waits_double_and_differ_and_end_somewhere() -> None:
    failed = Answer(is_taken=False)
    for failures in range(40):
        longest = min(2.0**failures, LONGEST_WAIT_S)
        waits = {pushing._wait(failures, failed).total_seconds() for _ in range(20)}  # noqa: SLF001
        assert longest / 2 <= min(waits) <= max(waits) <= longest
        assert len(waits) > 1
    for text, seconds in (("7", 7), ("999999", 3_600), ("soon", 0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0), (None, 0)):
        assert carriers._seconds(text) == seconds  # noqa: SLF001


@pytest.mark.slow
def test_a_tool_that_hangs_is_left_in_time_and_keeps_nobody_waiting(
    log: Log, worker: Pushing, siem: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carriers, "DEADLINE_S", 2.0)
    siem.hangs = Event()
    log.grow(5)
    add(log, siem, "a-hanging")
    with tool() as other:
        add(log, other, "b-well")
        began = time.monotonic()
        with working(worker):
            until(lambda: other.indexes == list(range(5)))
            soon = time.monotonic() - began
            until(lambda: sink(log, "a-hanging").trouble == "TimeoutError")

    assert soon < 2
    assert sink(log, "a-hanging").position == -1
    assert sink(log, "b-well").looked_at is not None


@pytest.mark.slow
def test_an_entry_that_a_tool_refuses_holds_up_none_of_the_others(log: Log, worker: Pushing, siem: Tool) -> None:
    bad = 13
    siem.answer = lambda body: (422, {}) if body["data"].get("first", 99) <= bad <= body["data"]["last"] else TAKEN
    log.grow(30)
    add(log, siem)
    for _ in range(2):
        for _ in range(MOST_REFUSALS):
            worker.once()
            assert sink(log).position >= bad - 1
            make_due(log)
        worker.once()
        again = sink(log).position
        with log.engines.write.begin() as connection:
            sinks.rewind(connection, "siem", bad - 1)

    assert again == 29
    assert siem.indexes == [index for index in range(30) if index != bad]
    refusals = log.sql("SELECT sink, index, status FROM log_sink_refusal")
    assert [tuple(row) for row in refusals] == [("siem", bad, 422)]


def test_a_sink_that_is_paused_or_rewound_meanwhile_is_where_the_operator_put_it(
    log: Log, worker: Pushing, siem: Tool
) -> None:
    log.grow(30)
    add(log, siem)

    def pause(_: dict[str, Any]) -> tuple[int, dict[str, str]]:
        log.sql("UPDATE log_sink SET is_paused = true")
        return TAKEN

    siem.answer = pause
    assert worker.once() == 10
    assert sink(log).position == 9

    def rewind(_: dict[str, Any]) -> tuple[int, dict[str, str]]:
        with log.engines.write.begin() as connection:
            sinks.rewind(connection, "siem", 3)
        siem.answer = lambda _: TAKEN
        return TAKEN

    log.sql("UPDATE log_sink SET is_paused = false, leased_until = NULL")
    siem.answer = rewind
    worker.once()

    assert [body["data"]["first"] for body in siem.bodies] == [0, 10, 4, 14, 24]
    assert sink(log).position == 29


@pytest.mark.parametrize("statement", ["UPDATE log_sink SET position = 25, sending = NULL", "DELETE FROM log_sink"])
def test_a_sink_that_was_moved_before_its_batch_is_on_record_is_looked_at_anew(
    log: Log, worker: Pushing, siem: Tool, statement: str
) -> None:
    log.grow(30)
    add(log, siem)
    leased = worker._lease()  # noqa: SLF001 - what happens between two steps
    assert leased is not None
    log.sql(statement)

    assert worker._serve(leased, Event()) == 0  # noqa: SLF001

    assert siem.ids == log.sql("SELECT 1 FROM access_log WHERE operation = 'audit.push'") == []
    assert worker.once() == (0 if "DELETE" in statement else 4)


@pytest.mark.parametrize("status", [400, 503])
def test_a_sink_made_anew_under_a_name_is_not_told_of_its_predecessor(
    log: Log, worker: Pushing, siem: Tool, status: int
) -> None:
    log.grow(1)
    add(log, siem)
    log.sql("UPDATE log_sink SET refusals = :most", most=MOST_REFUSALS - 1)

    def made_anew(body: dict[str, Any]) -> tuple[int, dict[str, str]]:
        if "entries" not in body["data"]:
            return TAKEN
        with log.engines.write.begin() as connection:
            sinks.remove(connection, "siem")
        add(log, siem)
        log.sql("UPDATE log_sink SET leased_until = now() + interval '1 hour'")
        siem.answer = lambda _: TAKEN
        return status, {}

    siem.answer = made_anew
    assert worker.once() == 0

    made = sink(log)
    assert (made.position, made.refusals, made.failures, made.trouble) == (-1, 0, 0, None)
    assert made.leased_until is not None
    assert log.sql("SELECT * FROM log_sink_refusal") == []


def test_both_secrets_sign_until_the_former_one_has_had_its_time(
    log: Log, worker: Pushing, siem: Tool, keyring: Keyring
) -> None:
    add(log, siem)
    former = siem.secret

    def is_taken_with(secret: str) -> bool:
        siem.secret = secret
        log.grow(1)
        make_due(log)
        return worker.once() > 0

    with log.engines.write.begin() as connection:
        newest = sinks.rotate(connection, "siem", keyring, now=datetime.now(UTC), overlap=timedelta(hours=1))
    assert newest != former
    assert [is_taken_with(secret) for secret in (former, newest)] == [True, True]

    log.sql("UPDATE log_sink SET former_until = now()")
    assert is_taken_with(newest)
    assert not is_taken_with(former)


@pytest.mark.parametrize(
    ("status", "is_refusal"),
    [(400, True), (413, True), (422, True), (401, False), (403, False), (404, False), (429, False), (500, False)],
)
def test_an_answer_says_something_of_the_entries_or_of_the_tool(status: int, *, is_refusal: bool) -> None:
    assert Answer(is_taken=False, status=status).is_refusal is is_refusal


def test_a_tool_that_refuses_everything_is_not_passed_over(log: Log, worker: Pushing, siem: Tool) -> None:
    siem.answer = lambda _: (400, {})
    log.grow(1)
    add(log, siem)

    for _ in range(MOST_REFUSALS + 2):
        worker.once()
        make_due(log)

    assert (sink(log).position, sink(log).trouble, log.sql("SELECT * FROM log_sink_refusal")) == (-1, "HTTP 400", [])


def test_an_address_that_cannot_be_looked_up_is_one_sink_s_trouble(log: Log, worker: Pushing, siem: Tool) -> None:
    log.grow(1)
    add(log, siem)
    log.sql("UPDATE log_sink SET url = :url", url=f"https://{'a' * 64}.example/")

    assert worker.once() == 0

    assert sink(log).failures == 1


def test_a_tool_that_lets_nobody_in_is_not_passed_over(log: Log, worker: Pushing, siem: Tool) -> None:
    statuses = [401, 403, 404, 410, 401, 403, 404, 410]
    said = iter(statuses)
    siem.answer = lambda _: (next(said), {})
    log.grow(1)
    add(log, siem)

    for _ in statuses:
        worker.once()
        make_due(log)

    assert len(siem.ids) == len(statuses) > MOST_REFUSALS
    assert (sink(log).position, log.sql("SELECT * FROM log_sink_refusal")) == (-1, [])


def test_a_quiet_log_has_a_heartbeat(log: Log, worker: Pushing, siem: Tool, collector: Syslog) -> None:
    log.grow(3)
    add(log, siem)
    add(log, collector, "syslog")
    worker.once()
    log.sql("UPDATE log_sink SET delivered_at = now() - interval '2 days'")

    assert worker.once() == 0

    assert (siem.bodies[-1]["type"], siem.bodies[-1]["data"]["last"]) == ("access_log.heartbeat", 2)
    assert collector.events[-1]["index"] == "2"
    assert len(read_kinds(collector)) == 4
    assert worker.once() == 0
    assert log.sql("SELECT count(*) FROM access_log WHERE operation = 'audit.push'")[0].count == 2


def read_kinds(collector: Syslog) -> list[str]:
    return [event.get("act", "heartbeat") for event in collector.events]


def test_ocsf_is_posted_as_events(log: Log, worker: Pushing, siem: Tool) -> None:
    log.grow(3)
    add(log, siem, form="ocsf")

    worker.once()

    (body,) = siem.bodies
    assert siem.indexes == [0, 1, 2]
    assert [faults(event) for event in body["data"]["entries"]] == [[], [], []]


def test_syslog_has_every_entry_in_order(log: Log, worker: Pushing, collector: Syslog) -> None:
    log.grow(25)
    add(log, collector)

    assert worker.once() == 25

    assert [event["index"] for event in collector.events] == [str(index) for index in range(25)]
    assert len(collector.streams) == 3


def test_the_authorities_of_a_tool_are_read_once(
    log: Log, worker: Pushing, collector: Syslog, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []
    make = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda **which: (read.append(which), make(**which))[1])
    log.grow(25)
    add(log, collector)

    assert worker.once() == 25

    assert (len(collector.streams), read) == (3, [{"cadata": (log.directory / "ca.pem").read_text()}])


def test_a_receiver_without_farewell_has_taken_what_it_read(log: Log, worker: Pushing, collector: Syslog) -> None:
    collector.farewell = False
    log.grow(5)
    add(log, collector)

    assert worker.once() == 5

    assert len(collector.events) == 5


def test_a_receiver_that_dies_before_it_read_gets_it_again(log: Log, worker: Pushing, collector: Syslog) -> None:
    collector.reads = False
    log.grow(5)
    add(log, collector)

    assert worker.once() == 0
    assert sink(log).trouble is not None
    collector.reads = True
    make_due(log)

    assert worker.once() == 5
    assert [event["index"] for event in collector.events] == ["0", "1", "2", "3", "4"]


def test_only_a_receiver_that_is_trusted_and_bears_its_name_gets_anything(
    log: Log, worker: Pushing, collector: Syslog, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    certificate(tmp_path / "elsewhere")
    stranger = (tmp_path / "elsewhere" / "ca.pem").read_text()
    log.grow(2)
    add(log, collector, "unknown", authorities=None)
    add(log, collector, "another", authorities=stranger)
    collector_by_address = Syslog(collector.port)
    add(log, collector_by_address, "misnamed")
    log.sql("UPDATE log_sink SET url = replace(url, 'localhost', '127.0.0.2') WHERE name = 'misnamed'")

    assert worker.once() == 0

    troubles = {row.name: row.trouble for row in log.sql("SELECT name, trouble FROM log_sink")}
    assert troubles["unknown"] == troubles["another"] == "SSLCertVerificationError"
    assert troubles["misnamed"] is not None
    assert collector.events == []


def test_a_log_that_was_tampered_with_is_not_passed_over(log: Log, worker: Pushing, siem: Tool) -> None:
    log.grow(15)
    log.sql("DELETE FROM sealed_leaf WHERE index = 12")
    add(log, siem)

    worker.once()

    assert siem.indexes == list(range(12))
    assert sink(log).trouble == "the sealed log is broken"


def test_a_secret_that_cannot_be_read_is_one_sink_s_trouble(log: Log, worker: Pushing, siem: Tool) -> None:
    log.grow(2)
    with tool() as other:
        add(log, other, "a")
        add(log, siem, "b")
        log.sql("UPDATE log_sink SET sealed_secret = 'x' || sealed_secret WHERE name = 'a'")

        assert worker.once() == 2

    assert sink(log, "a").trouble == "InvalidTag"


def test_how_far_sinks_are_behind_is_for_prometheus(log: Log, siem: Tool, http: FlaskClient, worker: Pushing) -> None:
    assert b"gateway_log_sink" not in http.get("/metrics").data
    log.grow(3)
    add(log, siem)
    siem.answer = lambda _: (500, {})
    worker.once()
    for figures in http.application.extensions["runtime"].stored_figures:
        figures._read_at = -100.0  # noqa: SLF001 - as if time had passed

    told = dict(line.rsplit(" ", 1) for line in http.get("/metrics").text.splitlines() if "{sink=" in line)

    assert float(told['gateway_log_sink_waiting_entries{sink="siem"}']) == 3
    assert float(told['gateway_log_sink_failures{sink="siem"}']) == 1
    assert float(told['gateway_log_sink_lag_seconds{sink="siem"}']) < 60
    assert len(told) == 5
