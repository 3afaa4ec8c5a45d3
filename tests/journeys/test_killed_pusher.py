"""A process that pushes, killed while it does: the tool has every entry, and its place is never lost."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from partners.access_log import sinks
from partners.access_log.checkpoints import origin_of, signer_of
from partners.access_log.sinks import Wanted
from partners.keyring import Keyring
from tests.conftest import SECRET
from tests.gateway.log_receivers import TAKEN, Answer, tool
from tests.partners.access_log.logs import Log

pytestmark = pytest.mark.slow

KILLS = 1
ENTRIES = 250


@pytest.fixture
def log(database_url: str, tmp_path: Path) -> Iterator[Log]:
    made = Log(database_url, tmp_path, signer_of(Keyring(SECRET), origin_of("http://127.0.0.1:8000"), 1))
    yield made
    made.close()


def pusher(database_url: str, directory: Path) -> subprocess.Popen[bytes]:
    secrets = {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_SECRET_KEY": SECRET, "GATEWAY_DATA_DIR": str(directory)}
    return subprocess.Popen([sys.executable, "-m", "gateway.cli", "audit", "push"], env=os.environ | secrets)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_killed_pusher_loses_nothing_and_ends_when_asked(log: Log, database_url: str, tmp_path: Path) -> None:
    log.grow(ENTRIES)
    with tool() as siem:
        with log.engines.write.begin() as connection:
            siem.secret = (
                sinks.add(connection, Wanted("siem", siem.url, "ndjson", is_signed=True), Keyring(SECRET)) or ""
            )
        siem.answer = slowly
        for _ in range(KILLS):
            process, before = pusher(database_url, tmp_path), len(siem.ids)
            # It has come, and is not acknowledged yet.
            wait_until(lambda before=before: len(siem.ids) > before)
            process.kill()
            process.wait()
            # Nobody waits here for the lease of the dead.
            log.sql("UPDATE log_sink SET leased_until = NULL")

        process = pusher(database_url, tmp_path)
        wait_until(lambda: log.sql("SELECT position FROM log_sink")[0].position == ENTRIES - 1)
        process.send_signal(signal.SIGTERM)

        assert process.wait(timeout=30) == 0
    assert siem.indexes == list(range(ENTRIES))
    assert len(siem.ids) > len(set(siem.ids)), "nothing came twice: no death was at the right moment"


def slowly(_: dict[str, Any]) -> Answer:
    time.sleep(0.8)
    return TAKEN
