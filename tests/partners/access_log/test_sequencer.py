"""Sealing: nothing missed, nothing doubled, nothing signed that contradicts what was signed before."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import event, func, select, text

from gateway.background import sealing
from gateway.background.sealing import Sealing
from partners.access_log import figures, sequencer, unsealed
from partners.access_log.append import record
from partners.access_log.checkpoints import read_checkpoint, signer_of
from partners.access_log.findings import Kind
from partners.access_log.merkle import EMPTY_ROOT
from partners.access_log.notes import Signer, opened
from partners.access_log.sequencer import RefusedError
from partners.access_log.stored_checkpoints import Anchor
from partners.keyring import Keyring
from partners.postgres import database
from partners.postgres.locks import Lock
from partners.vocabulary import Outcome
from tests.conftest import SECRET
from tests.partners.access_log import rfc6962
from tests.partners.access_log.logs import ORIGIN, SIGNER, Log, OneKey, access

WAITS = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    f" AND application_name = '{database.SEALER}'"
)


def sealed_bytes(log: Log) -> list[bytes]:
    rows = log.sql("SELECT leaf FROM sealed_leaf JOIN access_log ON id = access ORDER BY index")
    return [bytes(row.leaf) for row in rows]


def test_a_log_begins_with_a_checkpoint_of_nothing(log: Log) -> None:
    log.seal()

    checkpoint = read_checkpoint(opened(log.note(), [SIGNER.verifier]))
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (ORIGIN, 0, EMPTY_ROOT)


def test_everything_committed_is_sealed_and_nothing_twice(log: Log) -> None:
    for batch in (1, 2, 0, 5):
        log.add(batch)
        log.seal()

    checkpoint = read_checkpoint(log.note())
    assert (checkpoint.size, checkpoint.root) == (8, rfc6962.tree_hash(sealed_bytes(log)))
    assert log.sql("SELECT count(*) FROM log_checkpoint")[0][0] == 3  # Nothing new, nothing signed.


@pytest.mark.parametrize("size", [255, 256, 257])
def test_roots_across_stored_tiles_are_those_of_the_standard(log: Log, size: int) -> None:
    log.add(size, members=())
    log.seal()
    log.grow(3)

    assert read_checkpoint(log.note()).root == rfc6962.tree_hash(sealed_bytes(log))
    assert log.sql("SELECT count(*) FROM sealed_node")[0][0] == (size + 3) // 256


def test_batches_are_limited_and_go_on_where_they_stopped(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "BATCH", 3)
    log.add(7)

    assert [log.seal().entries for _ in range(4)] == [3, 3, 1, 0]
    assert log.verify() == []


def test_a_large_transaction_is_sealed_at_once_and_looked_through_once(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequencer, "BATCH", 3)
    log.add(2)
    with log.engines.write.begin() as connection:
        for _ in range(10):
            record(connection, access(), outcome=Outcome.RELEASED, status=200)
    log.add(2)

    assert [log.seal().entries for _ in range(3)] == [12, 2, 0]
    (first, largest), *_ = log.sql("SELECT horizon, transaction FROM log_checkpoint, access_log"
                                   " WHERE number = 1 GROUP BY 1, 2 HAVING count(*) = 10")  # fmt: skip
    assert int(first) == int(largest) + 1  # Nothing of it is looked at again.
    assert log.verify() == []


def test_of_a_trouble_that_nobody_foresaw_the_sequencer_says_the_kind_alone() -> None:
    said = [sealing._said(error) for error in (RefusedError("the log is shorter"), ValueError("night_owl"))]  # noqa: SLF001

    assert said == ["the log is shorter", "ValueError"]


def test_a_database_that_hangs_is_given_up_and_sealing_comes_back(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the server makes of its own time limit: the sequencer lets go of its side, and begins anew."""
    monkeypatch.setattr(database, "GRACE_S", 0.5 - database.SEAL_TIMEOUT_MS / 1_000)
    monkeypatch.setattr(sealing, "TROUBLE_S", 0.1)
    stop, work = Event(), Sealing(database.sealer(log.url), OneKey(SIGNER), Anchor(log.directory, ORIGIN))
    log.add(1)
    with log.superuser.connect().execution_options(isolation_level="READ COMMITTED") as blocking:
        blocking.execute(text("LOCK TABLE log_checkpoint"))
        sealing_thread = Thread(target=work.run, args=[stop], daemon=True)
        sealing_thread.start()
        first = eventually(lambda: log.sql(WAITS))[0].pid
        eventually(lambda: [row for row in log.sql(WAITS) if row.pid != first])
    eventually(lambda: log.sql("SELECT FROM sealed_leaf"))
    stop.set()
    sealing_thread.join(5)

    assert not sealing_thread.is_alive()
    work.engine.dispose()


def test_who_stands_by_keeps_its_connection_and_who_sealed_lets_go_of_the_lock(log: Log) -> None:
    work, connections = Sealing(database.sealer(log.url), OneKey(SIGNER), Anchor(log.directory, ORIGIN)), []
    event.listen(work.engine, "connect", lambda *made: connections.append(made))
    take, give_back = (select(each(Lock.SEALING.key)) for each in (func.pg_try_advisory_lock, func.pg_advisory_unlock))
    with log.superuser.connect() as another:
        assert another.scalar(take)
        assert [work.once() for _ in range(3)] == [None] * 3
        assert len(connections) == 1

        assert another.scalar(give_back)
        assert work.once() == 0
        assert eventually(lambda: another.scalar(take))
        another.scalar(give_back)
    work.engine.dispose()


def eventually(look: Callable[[], Any]) -> Any:
    """Look until there is something."""
    until = time.monotonic() + 8
    while not (found := look()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def test_what_commits_late_is_sealed_later_though_it_began_first(log: Log) -> None:
    slow = log.superuser.connect().execution_options(isolation_level="READ COMMITTED")
    slow.begin()
    slow.execute(text("SELECT pg_current_xact_id()"))
    log.add(2)

    held_back = log.seal()
    slow.rollback()
    slow.close()

    assert held_back.entries == 0
    assert waiting_since(log) is not None
    assert log.seal().entries == 2
    assert waiting_since(log) is None


def test_the_next_sequencer_takes_up_where_the_last_one_died(log: Log) -> None:
    log.grow(3)
    another = Log(log.url, log.directory)
    another.grow(2)
    another.close()

    assert (log.seal().size, log.verify()) == (5, [])


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE sealed_leaf SET hash = sha256(hash) WHERE index = 1",
        "DELETE FROM sealed_leaf WHERE index = 2",
        "INSERT INTO sealed_leaf SELECT 3, hash, at, gen_random_uuid() FROM sealed_leaf WHERE index = 2",
        "UPDATE log_checkpoint SET note = replace(note, E'\\n3\\n', E'\\n2\\n')",
        "UPDATE log_checkpoint SET size = 2",
        "DELETE FROM log_checkpoint",
    ],
)
def test_nothing_is_signed_over_a_tree_that_is_not_the_signed_one(log: Log, tampering: str) -> None:
    log.add(3)
    log.seal()
    log.sql(tampering)
    log.add(1)

    with pytest.raises(RefusedError):
        log.seal()


def test_nothing_is_signed_over_a_database_that_was_set_back(log: Log) -> None:
    log.grow(2)
    leaves, promises = log.sql("SELECT * FROM sealed_leaf"), log.sql("SELECT * FROM log_checkpoint")
    assert (len(leaves), len(promises)) == (2, 1)
    log.grow(3)
    log.sql("DELETE FROM sealed_leaf WHERE index >= 2")
    log.sql("DELETE FROM log_checkpoint WHERE number > 1")

    with pytest.raises(RefusedError, match="5 entries were signed before, and 2 are there"):
        log.seal()


@pytest.mark.parametrize("size", [2, 3])
def test_nothing_is_signed_over_a_database_that_was_exchanged(log: Log, size: int) -> None:
    log.grow(2)
    for table in ("sealed_leaf", "log_checkpoint", "access_log"):
        log.sql(f"DELETE FROM {table}")
    replace(log, directory=log.directory / "elsewhere").grow(size)

    with pytest.raises(RefusedError, match="the first 2 entries are not those that were signed before"):
        log.seal()


def test_a_new_name_lets_a_log_go_on_after_a_restore(log: Log) -> None:
    log.grow(2, 3)
    log.sql("DELETE FROM sealed_leaf WHERE index >= 2")
    log.sql("DELETE FROM log_checkpoint WHERE number > 1")
    renamed = signer_of(Keyring(SECRET), "gateway.example/access-log-2", 1)

    assert log.seal(renamed).size == 5
    assert read_checkpoint(log.note()).origin == "gateway.example/access-log-2"


def test_another_key_signs_nothing(log: Log) -> None:
    log.grow(1)

    with pytest.raises(RefusedError, match="no trusted key"):
        log.seal(Signer(ORIGIN, bytes(32)))


def test_a_dump_restored_in_a_younger_cluster_is_sealed_on(log: Log) -> None:
    """Its records bring numbers of transactions with them that are yet to come there."""
    log.grow(3)
    log.add(1)
    log.sql("UPDATE access_log SET transaction = (transaction::text::bigint + 1000000)::text::xid8")
    log.sql("UPDATE log_checkpoint SET horizon = (horizon::text::bigint + 1000000)::text::xid8")

    assert log.verify() == []
    asked_at = datetime.now(UTC)
    log.add(1, at=asked_at)
    assert waiting_since(log) == asked_at
    assert [log.seal().entries for _ in range(2)] == [2, 0]
    assert waiting_since(log) is None
    assert log.verify() == []
    log.grow(2)
    assert log.verify() == []


def test_a_dump_restored_in_a_younger_cluster_is_signed_once_more_though_nothing_waits(log: Log) -> None:
    """What was sealed up to is from then on told in the numbers of transactions there."""
    log.grow(3)
    log.sql("UPDATE log_checkpoint SET horizon = (horizon::text::bigint + 1000000)::text::xid8")

    assert [log.seal().entries for _ in range(2)] == [0, 0]
    beyond = log.sql("SELECT horizon > pg_snapshot_xmax(pg_current_snapshot()) FROM log_checkpoint ORDER BY number")
    assert [row[0] for row in beyond] == [True, False]


def test_whose_turn_has_come_is_found_by_index(log: Log) -> None:
    log.add(300, members=())
    log.seal()
    log.sql("ANALYZE")
    horizon = log.sql("SELECT horizon FROM log_checkpoint")[0].horizon
    plan = log.sql(
        f"EXPLAIN SELECT at, id FROM access_log WHERE transaction >= '{horizon}'::xid8"
        " AND transaction < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY transaction, at, id LIMIT 5000"
    )

    assert any("transaction_idx" in line[0] for line in plan)


def waiting_since(log: Log) -> datetime | None:
    with log.superuser.connect() as connection:
        newest = figures.sealed(connection)
        return unsealed.waiting_since(connection, newest.horizon if newest else 0)


def test_the_log_says_since_when_something_waits(log: Log) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    slow = log.superuser.connect().execution_options(isolation_level="READ COMMITTED")
    slow.begin()
    slow.execute(text("SELECT pg_current_xact_id()"))
    log.add(1, at=long_ago)
    log.add(1)

    log.seal()
    assert waiting_since(log) == long_ago
    slow.rollback()
    slow.close()


def test_a_record_of_no_calendar_stops_no_sealing_and_is_named(log: Log) -> None:
    log.grow(2)
    log.sql("CREATE TABLE odd PARTITION OF access_log FOR VALUES FROM ('20000-01-01') TO ('20000-01-02')")
    log.sql(
        "INSERT INTO access_log SELECT '20000-01-01', gen_random_uuid(), request_id, audience, partner, client, model,"
        " operation, purpose, outcome, status, reason, member_count, verdicts, policy_version, leaf,"
        " pg_current_xact_id() FROM access_log LIMIT 1"
    )
    log.add(3)

    assert log.seal().size == 5
    assert [finding.kind for finding in log.verify()] == [Kind.RECORD_FORGED, Kind.TABLE_CHANGED]
    log.sql("DROP TABLE odd")
