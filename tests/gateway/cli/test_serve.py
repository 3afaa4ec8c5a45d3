"""The server starts only where it can serve, tells machines whether it can, and stops in order."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import make_url, text

from partners.postgres import database
from partners.postgres.database import Database
from partners.vocabulary import PartnerKind
from tests.callers import access_token, add_caller, bearer
from tests.journeys.serving import served

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("environment")]

GRACE_S = 15
"""Well below the time after which workers that hang are killed."""
SLOW_TO_LISTEN = "import os, time; os.register_at_fork(after_in_child=lambda: time.sleep(1))"
"""Has a new worker wait before it sets its own signal handlers."""


@pytest.fixture
def data_dir(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory for an embedded database: outside pytest's own, which lets no other user in."""
    with tempfile.TemporaryDirectory(prefix="gateway-serve-") as directory:
        monkeypatch.delenv("GATEWAY_DATABASE_URL")
        monkeypatch.setenv("GATEWAY_DATA_DIR", directory)
        yield Path(directory)


def refused(*arguments: str) -> str:
    """What a `gateway serve` says that refuses to start, in a process of its own: it sets signal handlers."""
    command = [sys.executable, "-m", "gateway.cli", "serve", "--port", "0", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_server_is_up_ready_and_stops_on_sigterm_with_status_0(database_url: str, tmp_path: Path) -> None:
    with served(database_url, tmp_path) as server:
        up, ready = requests.get(f"{server.url}/healthz", timeout=5), requests.get(f"{server.url}/readyz", timeout=5)
        server.process.send_signal(signal.SIGTERM)
        server.process.communicate(timeout=30)

    assert (up.status_code, up.json()) == (200, {"status": "ok"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert server.process.returncode == 0


def test_a_worker_hears_of_a_stop_that_comes_while_it_is_made(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW_TO_LISTEN)
    with served(database_url, tmp_path, PYTHONPATH=str(tmp_path)) as server:
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.process.communicate(timeout=60)

    assert time.monotonic() - started < GRACE_S
    assert server.process.returncode == 0


def test_ctrl_c_which_reaches_every_process_stops_them_at_once(database_url: str, tmp_path: Path) -> None:
    with served(database_url, tmp_path) as server:
        requests.get(f"{server.url}/healthz", timeout=5)
        started = time.monotonic()
        for _ in range(3):
            os.killpg(server.process.pid, signal.SIGINT)
        server.process.communicate(timeout=60)

    assert time.monotonic() - started < GRACE_S
    assert server.process.returncode == 0


def test_a_port_in_use_is_said_before_anything_is_started() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refused("--port", port)

    assert f"Port {port} on 127.0.0.1 cannot be served: Address already in use" in said


def test_an_address_of_another_machine_is_refused() -> None:
    assert "on 192.0.2.1 cannot be served" in refused("--host", "192.0.2.1")


def test_an_external_database_needs_a_secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEWAY_SECRET_KEY")

    assert "GATEWAY_SECRET_KEY must be set" in refused()


def test_a_database_that_was_never_migrated_is_refused(database_url: str) -> None:
    engine = database.owner(database_url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    engine.dispose()

    assert "Run `gateway db upgrade`" in refused()


def test_a_database_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    absent = make_url(database_url).set(database="nowhere").render_as_string(hide_password=False)
    monkeypatch.setenv("GATEWAY_DATABASE_URL", absent)

    assert "The database cannot be reached" in refused()


def test_missing_partitions_are_made_at_the_start(database_url: str, tmp_path: Path) -> None:
    engine = database.owner(database_url)
    with engine.begin() as connection:
        newest = "SELECT max(relname) FROM pg_class WHERE relname LIKE 'access_subject_20%' AND relkind = 'r'"
        name = connection.execute(text(newest)).scalar_one()
        connection.execute(text(f"DROP TABLE {name}"))

    with served(database_url, tmp_path):
        pass

    with engine.connect() as connection:
        assert connection.execute(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": name}).scalar_one()
    engine.dispose()


def test_the_embedded_database_starts_and_stops_with_the_server(data_dir: Path) -> None:
    with served("", data_dir, workers=1) as server:
        ready = requests.get(f"{server.url}/readyz", timeout=5)
        pid_file = data_dir / "postgres" / "cluster" / "postmaster.pid"
        running = pid_file.exists()
        server.process.send_signal(signal.SIGINT)
        server.process.communicate(timeout=30)

    assert ready.status_code == 200
    assert running
    assert not pid_file.exists()


def test_a_running_server_seals_what_it_records_within_two_seconds(
    db: Database, database_url: str, tmp_path: Path, http: FlaskClient
) -> None:
    auditor = bearer(access_token(http, add_caller(db, PartnerKind.AUDITOR)))
    with served(database_url, tmp_path) as server:
        lags = [seal_lag(db, server.url, auditor) for _ in range(5)]
        figures = requests.get(f"{server.url}/metrics", timeout=5).text

    assert max(lags) < timedelta(seconds=2)
    entries = re.search(r"^gateway_log_sealed_entries (\d+)", figures, re.MULTILINE)
    until = re.search(r"^gateway_log_sealed_until_seconds ([\d.e+]+)", figures, re.MULTILINE)
    assert entries is not None
    assert until is not None
    assert float(entries[1]) >= 5
    assert abs(time.time() - float(until[1])) < 10
    assert "sealing_failed" not in (tmp_path / "serve.log").read_text()


def seal_lag(db: Database, url: str, headers: dict[str, str]) -> timedelta:
    """How long after it was asked for a request's record was sealed."""
    answer = requests.get(f"{url}/v1/audit/key", headers=headers, timeout=5)
    assert answer.status_code == 200
    asked = text(
        "SELECT c.at - a.at FROM access_log a JOIN sealed_leaf l ON l.access = a.id"
        " JOIN log_checkpoint c ON c.size > l.index WHERE a.request_id = :request ORDER BY c.number LIMIT 1"
    )
    for _ in range(100):
        with db.write.connect() as connection:
            lag: timedelta | None = connection.scalar(asked, {"request": answer.headers["X-Request-Id"]})
        if lag is not None:
            return lag
        time.sleep(0.1)
    raise AssertionError("never sealed")
