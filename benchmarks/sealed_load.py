"""What sealing costs those who append, and how far it lags behind them: rounds with and without, in turns."""

import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from threading import Event

from sqlalchemy import Engine, text

from gateway.background.sealing import Sealing
from partners.access_log.append import Access, record
from partners.access_log.identifiers import REQUEST_PREFIX, new_id, public
from partners.access_log.keys import DerivedKeys
from partners.access_log.stored_checkpoints import Anchor
from partners.postgres import database
from partners.vocabulary import Outcome, Purpose

ROUNDS = 3
WRITERS = 8
_LAG = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY lag), percentile_cont(0.99) WITHIN GROUP (ORDER BY lag), count(*)
  FROM (SELECT extract(epoch FROM (SELECT min(at) FROM log_checkpoint WHERE size > index) - at)::float AS lag
          FROM sealed_leaf WHERE index >= :first ORDER BY random() LIMIT 20000) AS lags
"""
"""From a request's beginning to the transaction that sealed its record; a sample."""


def measure(url: str, directory: Path, keys: DerivedKeys, seconds: float) -> None:
    """Print rates, their ratio, and the lag of the seal."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    engine = database.owner(url)
    with engine.connect() as connection:
        first = connection.scalar(text("SELECT count(*) FROM sealed_leaf"))
    for _ in range(ROUNDS):
        for sealed in (False, True):
            with _sealing(url, directory, keys) if sealed else _nothing():
                rates[sealed].append(_append_for(url, seconds))
            _seal_the_rest(url, directory, keys)
            if not sealed:
                first = _size(engine)
    ratio = statistics.median(b / a for a, b in zip(rates[False], rates[True], strict=True))
    with engine.connect() as connection:
        half, most, sampled = connection.execute(text(_LAG), {"first": first}).one()
    engine.dispose()
    for sealed, what in ((False, "without sealing"), (True, "with sealing")):
        sys.stdout.write(f"{what:>16}: {statistics.median(rates[sealed]):7,.0f} records/s\n")
    sys.stdout.write(f"           ratio: {ratio:.2f}\n")
    sys.stdout.write(f"        seal lag: {half:.2f} s in the median, {most:.2f} s p99 ({sampled} records)\n")


def _append_for(url: str, seconds: float) -> float:
    """Append from two processes of four threads, one transaction a record; return the rate."""
    context = get_context("spawn")
    with context.Pool(2) as pool:
        counts = pool.starmap(_write, [(url, seconds)] * 2)
    return sum(counts) / seconds


def _write(url: str, seconds: float) -> int:
    engines, until = database.connect(url), time.monotonic() + seconds
    with ThreadPoolExecutor(WRITERS // 2) as threads:
        written = sum(threads.map(lambda _: _append_until(engines.write, until), range(WRITERS // 2)))
    engines.dispose()
    return written


def _append_until(engine: Engine, until: float) -> int:
    written = 0
    while time.monotonic() < until:
        at = datetime.now(UTC)
        asked = Access(
            at=at, request_id=public(REQUEST_PREFIX, new_id(at)), ip="192.0.2.7", audience="webmaster", partner="w1",
            client="c1", model=None, operation="members.get", purpose=Purpose.CAMPAIGNS,
        )  # fmt: skip
        with engine.begin() as connection:
            record(connection, asked, outcome=Outcome.RELEASED, status=200, members=(1,))
        written += 1
    return written


@contextmanager
def _sealing(url: str, directory: Path, keys: DerivedKeys) -> Iterator[None]:
    """Seal in a process of its own, as `gateway audit seal` does."""
    context = get_context("spawn")
    stop = context.Event()
    process = context.Process(target=_seal, args=[url, directory, keys.name, stop])
    process.start()
    yield
    stop.set()
    process.join()


def _seal(url: str, directory: Path, name: str, stop: Event) -> None:
    from benchmarks.sealed_log import KEYS  # noqa: PLC0415 - which imports this module

    assert KEYS.name == name  # noqa: S101 - a benchmark
    work = Sealing(database.sealer(url), KEYS, Anchor(directory, name))
    work.run(stop)
    work.engine.dispose()


def _seal_the_rest(url: str, directory: Path, keys: DerivedKeys) -> None:
    work = Sealing(database.sealer(url), keys, Anchor(directory, keys.name))
    work.once()
    work.engine.dispose()


def _size(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM sealed_leaf")) or 0


@contextmanager
def _nothing() -> Iterator[None]:
    yield
