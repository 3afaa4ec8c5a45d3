"""Connections that are kept: none takes the threads from the others, however fast it asks again."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.serving.server import THREADS
from tests.journeys.serving import served

pytestmark = pytest.mark.slow

CONNECTIONS = 3 * THREADS
SECONDS = 2.0


def test_connections_that_ask_without_a_pause_leave_threads_to_the_others(database_url: str, tmp_path: Path) -> None:
    with served(database_url, tmp_path, workers=1) as server, ThreadPoolExecutor(CONNECTIONS) as callers:
        until = time.monotonic() + SECONDS
        answers = list(callers.map(partial(ask_until, until), [server.url] * CONNECTIONS))

    assert min(answers) > max(answers) / 10


def ask_until(until: float, url: str) -> int:
    """How often one connection was answered before then."""
    connection, answers = HTTPConnection(urlsplit(url).netloc, timeout=10), 0
    while time.monotonic() < until:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, answer.will_close) == (200, False)
        answers += 1
    connection.close()
    return answers
