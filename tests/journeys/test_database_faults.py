"""The database fails in every way it can: 503 in time, nothing told without its record, and recovery by itself."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from partners.postgres.database import SEALER
from tests.journeys.breaking import PROMISED_S, House, house

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with (
        tempfile.TemporaryDirectory(prefix="gateway-faults-") as directory,
        house(Path(directory), tmp_path_factory.mktemp("server")) as made,
    ):
        yield made


@pytest.fixture(autouse=True)
def whole_again(shared: House) -> Iterator[None]:
    """Every test begins and ends with a gateway that answers everything."""
    yield
    shared.recover()


@contextmanager
def stopped(shared: House, how: str) -> Iterator[None]:
    shared.cluster.run("-m", how, "stop")
    try:
        yield
    finally:
        shared.cluster.start()


def unavailable(shared: House, *, ready: int = 503) -> None:
    answers = shared.ask_all()
    assert not [
        (found.ask.path, found.status, found.seconds) for found in answers if not found.is_unavailable_in_time()
    ]
    assert shared.get("/healthz").status == 200
    readiness = shared.get("/readyz")
    assert (readiness.status, readiness.seconds < PROMISED_S + 0.2) == (ready, True)


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_it_refuses_connections(shared: House, how: str) -> None:
    with stopped(shared, how):
        unavailable(shared)


def test_its_connections_hang(shared: House) -> None:
    with shared.cluster.frozen(*shared.cluster.backends()):
        answers = shared.ask_all()
        slowest = max(found.seconds for found in answers)

        # New connections work: those that hang were thrown away.
        shared.recover()

    assert {found.status for found in answers} <= {200, 503}
    assert any(found.status == 503 for found in answers)
    assert slowest < PROMISED_S
    shared.all_recorded(answers)


def test_it_hangs_altogether(shared: House) -> None:
    backends = shared.cluster.backends()
    with shared.cluster.frozen(shared.cluster.postmaster(), *backends):
        unavailable(shared)
        unavailable(shared)


def test_more_callers_than_threads_are_told_in_time_that_it_hangs(shared: House) -> None:
    backends = shared.cluster.backends()
    many = House(shared.cluster, shared.server, shared.asks * 5)
    with shared.cluster.frozen(shared.cluster.postmaster(), *backends):
        answers = many.ask_all(at_once=len(many.asks))

    assert {found.status for found in answers} == {503}
    assert max(found.seconds for found in answers) < PROMISED_S + 1


def test_the_log_is_locked(shared: House) -> None:
    with shared.cluster.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE access_log IN ACCESS EXCLUSIVE MODE")
        unavailable(shared)
        time.sleep(2)
        # Nobody is left in the queue for the lock but the sequencer, for which nobody waits.
        waiting = shared.cluster.execute(
            f"SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name <> '{SEALER}'"
        )
    assert not waiting


def test_there_is_no_partition_for_this_month(shared: House) -> None:
    month = f"access_log_{datetime.now(UTC):%Y_%m}"
    bounds = shared.cluster.execute(f"SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = '{month}'")[
        0
    ][0]
    shared.cluster.execute(f"ALTER TABLE access_log DETACH PARTITION {month}")
    try:
        unavailable(shared)
    finally:
        shared.cluster.execute(f"ALTER TABLE access_log ATTACH PARTITION {month} {bounds}")


def test_it_restarts_under_load(shared: House) -> None:
    answers = []
    for _ in range(3):
        answers += shared.ask_all()
        shared.cluster.run("-m", "fast", "restart")
        answers += shared.ask_all()

    assert {found.status for found in answers} <= {200, 503}
    shared.all_recorded(answers)
