"""A log of several blocks and tiles, read through one connection and by processes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing import active_children
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from partners.access_log import reading
from partners.access_log.checkpoints import Checkpoint
from partners.access_log.findings import Finding, Kind
from partners.access_log.merkle import Frontier
from partners.access_log.reading import Reading
from partners.access_log.stored import UnreadableError
from partners.access_log.trust import Trust, Witness
from partners.access_log.verifying import Verification
from tests.conftest import fresh_database
from tests.partners.access_log.logs import ORIGIN, SIGNER, Log

BATCHES = (100, 500)
"""The second has a whole tile, from 256 to 511, and more on both sides."""


@pytest.fixture(scope="module")
def large(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """A log of more than two tiles; tests leave it as it was."""
    with fresh_database(cluster, template) as url:
        log = Log(url, tmp_path_factory.mktemp("log"))
        log.grow(*BATCHES)
        yield log
        assert log.verify() == []
        log.close()


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK", 8)


def told(findings: list[Finding]) -> list[tuple[Kind, int | None, int | None]]:
    return [(finding.kind, finding.index, finding.last_index) for finding in findings]


def verified(log: Log, *, engine: Engine | None) -> tuple[list[Finding], Any]:
    with log.engines.write.execution_options(isolation_level="REPEATABLE READ").connect() as connection:
        walk = Verification(connection, Trust([SIGNER.verifier]), [], now=datetime.now(UTC), engine=engine)
        return list(walk.findings()), walk.covered


def test_processes_find_what_one_connection_does_and_in_the_same_order(log: Log) -> None:
    log.grow(*[7] * 6)
    log.add(2)
    log.sql("UPDATE access_log SET partner = 'w2' WHERE id = (SELECT access FROM sealed_leaf WHERE index = 3)")
    log.sql("DELETE FROM access_log WHERE id = (SELECT access FROM sealed_leaf WHERE index = 17)")
    log.sql("DELETE FROM sealed_leaf WHERE index BETWEEN 23 AND 33")
    log.sql("UPDATE sealed_leaf SET at = 'infinity' WHERE index = 39")

    one, covered = verified(log, engine=None)
    two, covered_too = verified(log, engine=log.engines.write)

    assert (two, covered_too) == (one, covered)
    assert told(one)[:3] == [
        (Kind.COLUMNS_CHANGED, 3, None),
        (Kind.RECORD_MISSING, 17, None),
        (Kind.LEAF_MISSING, 23, 33),
    ]
    assert (Kind.RECORD_MISSING, 39, None) in told(one)
    assert (covered.entries, covered.checkpoints, covered.waiting.records) == (42, 6, 2)


def test_processes_see_the_moment_that_the_first_connection_does(log: Log) -> None:
    log.grow(40)
    repeatable = log.engines.write.execution_options(isolation_level="REPEATABLE READ")
    with repeatable.connect() as connection:
        connection.execute(text("SELECT"))
        log.sql("DELETE FROM sealed_leaf WHERE index > 8")
        walk = Verification(connection, Trust([SIGNER.verifier]), [], now=datetime.now(UTC), engine=log.engines.write)

        assert list(walk.findings()) == []
        assert walk.covered.entries == 40


def test_what_a_process_cannot_read_cannot_be_verified(log: Log) -> None:
    log.grow(40)

    with pytest.raises(UnreadableError, match="OperationalError"):
        verified(log, engine=create_engine(log.engines.write.url.set(database="nowhere")))
    assert active_children() == []


def test_processes_end_with_a_verification_that_is_given_up(log: Log) -> None:
    log.grow(40)
    with log.engines.write.execution_options(isolation_level="REPEATABLE READ").connect() as connection:
        blocks = Reading(connection, datetime.now(UTC), log.engines.write)
        with blocks:
            next(blocks.blocks())
            assert active_children() != []

    assert active_children() == []


def test_a_process_that_is_killed_is_no_end_of_the_log(log: Log) -> None:
    log.grow(80)
    with (
        log.engines.write.execution_options(isolation_level="REPEATABLE READ").connect() as connection,
        Reading(connection, datetime.now(UTC), log.engines.write) as reading,
    ):
        blocks = reading.blocks()
        next(blocks)
        for each in active_children():
            each.kill()
            each.join()

        with pytest.raises(UnreadableError, match="has ended"):
            list(blocks)


@pytest.fixture(params=[8, 256, 16_384])
def _block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK", request.param)


@pytest.mark.usefixtures("_block")
@pytest.mark.parametrize(
    ("tampering", "finds"),
    [
        ("UPDATE sealed_node SET hash = sha256(hash) WHERE number = 1", (Kind.LEAVES_CHANGED, 256, 511)),
        ("DELETE FROM sealed_node WHERE number = 0", (Kind.NODE_CHANGED, 0, 255)),
        ("DELETE FROM log_checkpoint WHERE number = 1", (Kind.CHECKPOINT_MISSING, None, None)),
        ("UPDATE sealed_leaf SET hash = sha256(hash) WHERE index = 300", (Kind.RECORD_CHANGED, 300, None)),
        ("UPDATE sealed_leaf SET hash = substr(hash, 2) WHERE index = 300", (Kind.RECORD_CHANGED, 300, None)),
        ("DELETE FROM sealed_leaf WHERE index = 300", (Kind.LEAF_MISSING, 300, 300)),
    ],
)
def test_tampering_within_whole_tiles_is_named(
    large: Log, tampering: str, finds: tuple[Kind, int | None, int | None]
) -> None:
    with large.undone():
        large.sql(tampering)

        assert finds in told(large.verify())


def test_a_leaf_gone_from_the_end_of_a_block_takes_no_stored_hash_with_it(large: Log) -> None:
    with large.undone():
        large.sql("DELETE FROM sealed_leaf WHERE index = 255")

        found = told(large.verify())

    assert (Kind.LEAF_MISSING, 255, 255) in found
    assert Kind.NODE_CHANGED not in {kind for kind, *_ in found}


@pytest.mark.usefixtures("_block")
@pytest.mark.parametrize("size", [100, 300, 512, 599, 600])
def test_a_witness_of_any_size_is_heard(large: Log, size: int) -> None:
    tree = Frontier()
    for (leaf,) in large.sql(f"SELECT hash FROM sealed_leaf WHERE index < {size} ORDER BY index"):
        tree.append(leaf)
    seen, other = (Checkpoint(ORIGIN, size, root) for root in (tree.root(), bytes(32)))

    assert large.verify(Witness("the witness", [seen], None)) == []
    assert [each.kind for each in large.verify(Witness("the witness", [other], None))] == [Kind.LOG_REWRITTEN]
