"""The embedded PostgreSQL: shared by processes, stopped by the last, taken over from the killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from partners.postgres.embedded import embedded_postgres

pytestmark = pytest.mark.slow

HOLD = """
import sys, pathlib
from partners.postgres.embedded import embedded_postgres
with embedded_postgres(pathlib.Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def hold(directory: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a process that uses the server until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def let_go(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=60)


def test_the_first_starts_it_and_the_last_stops_it(reachable: Path) -> None:
    other, url = hold(reachable)
    with embedded_postgres(reachable) as same:
        assert same == url
        let_go(other)
        assert answers(url)

    assert not answers(url)


def test_a_server_left_behind_by_a_killed_process_is_taken_over(reachable: Path) -> None:
    killed, url = hold(reachable)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=60)

    with embedded_postgres(reachable) as same:
        assert same == url
        assert answers(url)

    assert not answers(url)


def test_it_listens_on_no_network_address_and_lets_only_its_user_in(reachable: Path) -> None:
    with embedded_postgres(reachable) as url, psycopg.connect(url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        shown = connection.execute("SHOW unix_socket_directories").fetchone()
        assert shown is not None
        assert Path(shown[0]).stat().st_mode & 0o077 == 0


def test_data_outlives_a_stop(reachable: Path) -> None:
    with embedded_postgres(reachable) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

    with embedded_postgres(reachable) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_a_long_path_is_no_obstacle(reachable: Path) -> None:
    """A socket's path may have 107 bytes."""
    with embedded_postgres(reachable / ("long" * 30)) as url:
        assert answers(url)
