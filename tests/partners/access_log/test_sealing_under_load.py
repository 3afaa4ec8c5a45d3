"""Many writers whose transactions end in any order, and more than one sequencer: each record is sealed once."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from sqlalchemy import text

from gateway.background.sealing import Sealing
from partners.access_log.append import record
from partners.access_log.stored_checkpoints import Anchor
from partners.postgres import database
from partners.vocabulary import Outcome
from tests.partners.access_log import rfc6962
from tests.partners.access_log.logs import ORIGIN, SIGNER, Log, OneKey, access

WRITERS, EACH = 8, 60


def write(log: Log, seed: int) -> None:
    """Append records, some in transactions that stay open for a while, some that are given up."""
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    for _ in range(EACH):
        with log.engines.write.connect() as connection:
            connection.execute(text("SELECT pg_current_xact_id()"))
            time.sleep(chance.choice((0, 0, 0.002, 0.02)))
            record(connection, access(), outcome=Outcome.RELEASED, status=200)
            time.sleep(chance.choice((0, 0, 0.002, 0.02)))
            connection.commit() if chance.random() < 0.9 else connection.rollback()


def sealing(log: Log) -> Sealing:
    return Sealing(database.sealer(log.url), OneKey(SIGNER), Anchor(log.directory, ORIGIN))


def test_nothing_is_missed_and_nothing_doubled(log: Log) -> None:
    stop, sequencers = Event(), [sealing(log), sealing(log)]
    with ThreadPoolExecutor(WRITERS + len(sequencers)) as pool:
        running = [pool.submit(each.run, stop) for each in sequencers]
        for writer in [pool.submit(write, log, seed) for seed in range(WRITERS)]:
            writer.result()
        stop.set()
        for each in running:
            each.result()
    for each in sequencers:
        each.engine.dispose()
    log.seal()

    records = log.sql("SELECT count(*) FROM access_log")[0][0]
    indexes = [row.index for row in log.sql("SELECT index FROM sealed_leaf ORDER BY index")]
    assert indexes == list(range(records))
    assert log.sql("SELECT count(DISTINCT access) FROM sealed_leaf")[0][0] == records > WRITERS * EACH / 2
    assert log.sql("SELECT count(*) FROM log_checkpoint")[0][0] > 1
    leaves = log.sql("SELECT leaf FROM sealed_leaf JOIN access_log ON id = access ORDER BY index")
    root = rfc6962.tree_hash([bytes(row.leaf) for row in leaves])
    assert log.witness(log.note()).seen[0].root == root
    assert log.verify() == []


def test_only_one_seals_and_another_takes_over_when_it_is_gone(log: Log, tmp_path: Path) -> None:
    first, second = sealing(log), sealing(log)
    with first.engine.connect() as holder:
        holder.execute(text("SELECT pg_advisory_lock(x'5345414C'::int)"))
        log.add(1)
        assert second.once() is None
        holder.invalidate()

    assert second.once() == 1
    log.add(1)
    assert first.once() == 2
    assert (tmp_path / "access-log").is_dir()
    for each in (first, second):
        each.engine.dispose()
