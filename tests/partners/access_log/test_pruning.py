"""Months that were let go in time are missed by nobody; whatever else is gone is named."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from partners.access_log import letting_go, stored_checkpoints
from partners.access_log.checkpoints import read_checkpoint
from partners.access_log.findings import Kind
from partners.access_log.letting_go import PruningError
from partners.access_log.merkle import root_by_path
from partners.access_log.notes import NoteError, Signer
from partners.access_log.proofs import prove_inclusion, said_against
from partners.access_log.pruning import MONTHS_KEPT, Pruning, has_outlived, note_in, read_pruning
from partners.months import beginning_of, month_of, next_month
from partners.postgres import database
from partners.postgres.partitions import make_partitions
from tests.conftest import fresh_database
from tests.partners.access_log.logs import ORIGIN, Log, access

OLD = next_month(month_of(datetime.now(UTC)), -MONTHS_KEPT - 1)
"""The newest month whose records may go."""
AFTER = next_month(OLD)


@pytest.fixture(scope="module")
def pruned(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """A log whose outlived month is gone; the tests of this module tamper with it and leave it as it was."""
    with fresh_database(cluster, template) as url:
        log = Log(url, tmp_path_factory.mktemp("log"))
        fill(log)
        let_go(log)
        assert log.verify() == []
        drop(log)
        yield log
        log.close()


def fill(log: Log) -> None:
    """Three old entries, two of the month after, another old one that was long in coming, and two of today."""
    with log.superuser.connect() as connection:
        make_partitions(connection, now=beginning_of(OLD))
    end = beginning_of(AFTER)
    log.add(3, at=end - timedelta(hours=2))
    log.seal()
    log.add(2, at=end + timedelta(hours=1))
    log.seal()
    log.add(1, at=end - timedelta(hours=1))
    log.add(2)
    log.seal()


@contextmanager
def owning(log: Log) -> Iterator[Connection]:
    engine = database.owner(log.url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def let_go(log: Log, month: date = OLD, signer: Signer | None = None) -> None:
    """Declare a month and seal that."""
    with owning(log) as connection:
        pruning = letting_go.survey(connection, month)
        assert pruning is not None
        letting_go.declare(connection, pruning, signer or log.signer, access(operation="retention.pruned"))
    log.seal()


def drop(log: Log, month: date = OLD) -> None:
    engine = database.owner(log.url)
    try:
        letting_go.drop(engine, month)
    finally:
        engine.dispose()


def test_a_record_is_kept_for_twenty_five_months_after_its_own() -> None:
    assert has_outlived(date(2024, 10, 1), datetime(2026, 12, 1, tzinfo=UTC))
    assert not has_outlived(date(2024, 10, 1), datetime(2026, 11, 30, 23, 59, tzinfo=UTC))


def test_a_month_that_was_let_go_is_missed_by_nobody_and_still_proved(pruned: Log) -> None:
    assert pruned.verify() == []
    assert (pruned.verified[-1].entries, pruned.verified[-1].pruned) == (9, 4)
    leaf = bytes(pruned.sql("SELECT hash FROM sealed_leaf WHERE index = 1")[0].hash)
    with pruned.engines.write.connect() as connection:
        inclusion, newest = prove_inclusion(connection, 1, leaf), stored_checkpoints.newest(connection)
    assert inclusion is not None
    assert newest is not None
    assert root_by_path(1, newest.size, leaf, inclusion.path) == read_checkpoint(newest.note).root


def test_of_a_month_that_was_let_go_no_table_is_left(pruned: Log) -> None:
    tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'access%' AND relname LIKE :month"

    assert pruned.sql(tables, month=f"%{AFTER:%Y_%m}") != []
    assert pruned.sql(tables, month=f"%{OLD:%Y_%m}") == []


def test_a_month_that_could_not_be_dropped_whole_is_due_again(pruned: Log) -> None:
    """Whom its records were about goes with them, and not a day later."""
    month = next_month(OLD, -1)
    with pruned.superuser.connect() as connection:
        make_partitions(connection, now=beginning_of(month))
    drop(pruned)
    tables = ("access_subject", "access_subject_block", "access_subject_set", "access_network")
    for table in tables:
        pruned.sql(f"CREATE VIEW in_the_way AS SELECT FROM {table}_{month:%Y_%m}")
        with pytest.raises(DBAPIError):
            drop(pruned, month)
        pruned.sql("DROP VIEW in_the_way")

        with owning(pruned) as connection:
            assert letting_go.months_due(connection, datetime.now(UTC)) == [month]
    drop(pruned, month)

    assert pruned.sql("SELECT relname FROM pg_class WHERE relname LIKE :month", month=f"access%{month:%Y_%m}") == []


def test_while_a_month_is_half_let_go_nothing_is_said_against_its_entries(
    cluster: str, template: str, tmp_path: Path
) -> None:
    with fresh_database(cluster, template) as url:
        log = Log(url, tmp_path)
        fill(log)
        let_go(log)
        for table in ("access_subject", "access_subject_block", "access_subject_set", "access_network"):
            log.sql(f"DROP TABLE {table}_{OLD:%Y_%m}")
        with owning(log) as connection:
            said = list(said_against(connection, 0, datetime.now(UTC)))
        found = log.verify()
        log.close()

    assert (said, found) == ([], [])


def hide_one_more(log: Log) -> None:
    """A record of the month after is deleted, and its leaf moved into the month that is gone."""
    log.sql("DELETE FROM access_log WHERE id = (SELECT access FROM sealed_leaf WHERE index = 4)")
    log.sql("UPDATE sealed_leaf SET at = at - interval '2 hours' WHERE index = 4")


def sql(statement: str) -> Callable[[Log], None]:
    return lambda log: [log.sql(statement), None][1]


GONE = [(Kind.RECORD_MISSING, index) for index in (0, 1, 2, 5)]


@pytest.mark.parametrize(
    ("does", "finds"),
    [
        (sql("DELETE FROM log_pruning"), GONE),
        (
            sql("UPDATE log_pruning SET leaf = convert_to(replace(convert_from(leaf, 'UTF8'), '5 4', '5 3'), 'UTF8')"),
            [(Kind.PRUNING_UNTRUSTED, 8), *GONE],
        ),
        (sql("UPDATE log_pruning SET leaf = '\\xff00'::bytea"), [(Kind.PRUNING_UNTRUSTED, 8), *GONE]),
        (sql("UPDATE log_pruning SET access = gen_random_uuid()"), [(Kind.PRUNING_UNTRUSTED, None), *GONE]),
        (sql("UPDATE log_pruning SET month = month + 1"), [(Kind.PRUNING_UNTRUSTED, 8), *GONE]),
        (hide_one_more, [(Kind.PRUNED_OTHERWISE, 0)]),
        # Later the record that lets the month go is gone as well: what it said is known all the same.
        (sql("DELETE FROM access_log WHERE operation = 'retention.pruned'"), [(Kind.RECORD_MISSING, 8)]),
    ],
)
def test_what_says_that_a_month_was_let_go_permits_nothing_else(
    pruned: Log, does: Callable[[Log], None], finds: list[tuple[Kind, int | None]]
) -> None:
    with pruned.undone():
        does(pruned)
        found = [(each.kind, each.index) for each in pruned.verify()]

    assert found == finds


@pytest.mark.parametrize(
    "leaf",
    [
        b'{"at": "2026-01-01T00:00:00Z", "details": {"note": 7}}',
        b'{"at": "2026-01-01T00:00:00", "details": {"note": ""}}',
        b'{"at": "2026-01-01T00:00:00Z", "details": ""}',
        b'{"at": 7, "details": {"note": ""}}',
        b"[]",
    ],
)
def test_bytes_in_the_place_of_a_record_that_lets_a_month_go_are_told_to_be_none(leaf: bytes) -> None:
    with pytest.raises(NoteError):
        note_in(leaf)


def test_a_month_that_is_none_is_not_let_go() -> None:
    note = Pruning(date(2024, 10, 1), 0, 8, 4, bytes(32)).text(ORIGIN) + "\n"

    assert read_pruning(note)[1].entries == 4
    with pytest.raises(NoteError):
        read_pruning(note.replace("2024-10", "2024-13"))


def test_a_month_that_is_half_gone_is_as_it_may_be(log: Log) -> None:
    fill(log)
    let_go(log)
    with log.undone():
        log.sql(f"DROP TABLE access_subject_{OLD:%Y_%m}")
        assert log.verify() == []


def test_a_host_whose_clock_is_fast_lets_nothing_go_before_its_time(log: Log) -> None:
    fill(log)
    with owning(log) as connection:
        assert letting_go.months_due(connection, datetime.now(UTC) + timedelta(days=400)) == [OLD]


def test_whoever_lets_a_month_go_in_another_way_is_found_out(log: Log) -> None:
    """By hand; with a key of one's own; too early; with a record deleted before; or before all of it is sealed."""
    fill(log)
    with log.undone():
        log.sql(f"DROP TABLE access_log_{OLD:%Y_%m}")
        assert [(each.kind, each.index) for each in log.verify()] == GONE
    log.sql("DELETE FROM access_log WHERE id = (SELECT access FROM sealed_leaf WHERE index = 1)")
    let_go(log)
    let_go(log, AFTER)
    let_go(log, next_month(AFTER, MONTHS_KEPT), Signer(ORIGIN, Ed25519PrivateKey.generate().private_bytes_raw()))

    early, stranger, otherwise = log.verify()

    assert (early.kind, "before its time" in early.text) == (Kind.PRUNING_UNTRUSTED, True)
    assert (stranger.kind, "no trusted key" in stranger.text) == (Kind.PRUNING_UNTRUSTED, True)
    assert (otherwise.kind, otherwise.index, otherwise.last_index) == (Kind.PRUNED_OTHERWISE, 0, 5)
    log.add(1, at=beginning_of(OLD))
    with owning(log) as connection, pytest.raises(PruningError, match="not sealed"):
        letting_go.survey(connection, OLD)


def test_a_record_that_was_altered_lets_no_month_go_before_its_time(log: Log) -> None:
    fill(log)
    let_go(log, AFTER)
    later = """regexp_replace(convert_from(leaf, 'UTF8'), '"at": ?"[0-9]{4}', '"at":"2999')"""
    log.sql(f"UPDATE log_pruning SET leaf = convert_to({later}, 'UTF8')")
    log.sql(f"DROP TABLE access_log_{AFTER:%Y_%m}")

    untrusted, *missing = log.verify()

    assert (untrusted.kind, "not the one that was sealed" in untrusted.text) == (Kind.PRUNING_UNTRUSTED, True)
    assert [(each.kind, each.index) for each in missing] == [(Kind.RECORD_MISSING, 3), (Kind.RECORD_MISSING, 4)]
