"""Connections: none takes the threads from the others, and whoever is refused early still hears so."""

import socket
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from http.client import HTTPConnection
from itertools import repeat
from urllib.parse import urlsplit

import pytest

from gateway.serving.server import THREADS
from tests.conftest import fresh_database
from tests.journeys.serving import Server, served

pytestmark = pytest.mark.slow

CONNECTIONS = 3 * THREADS
SECONDS = 2.0
AT_ONCE_S = 1.0
LAST_WORDS = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
SIZES = (1, 50_000, 100_000, 5_000_000)


@pytest.fixture(scope="module")
def server(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("server")
    with fresh_database(cluster, template) as url, served(url, directory, workers=1) as running:
        yield running


def test_connections_that_ask_without_a_pause_leave_threads_to_the_others(server: Server) -> None:
    with ThreadPoolExecutor(CONNECTIONS) as callers:
        until = time.monotonic() + SECONDS
        answers = list(callers.map(partial(ask_until, until), [server] * CONNECTIONS))

    assert min(answers) > max(answers) / 10


def ask_until(until: float, server: Server) -> int:
    """How often one connection was answered before then."""
    answers = 0
    with connected(server) as connection:
        while time.monotonic() < until:
            assert ask(connection) == (200, False)
            answers += 1
    return answers


@pytest.mark.parametrize("words", [b"", LAST_WORDS], ids=["says nothing", "does not hang up"])
def test_who_is_silent_keeps_nobody_waiting(server: Server, words: bytes) -> None:
    address = urlsplit(server.url)
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            silent = held.enter_context(socket.create_connection((address.hostname, address.port), timeout=10))
            silent.sendall(words)
            assert not words or silent.recv(65_536).startswith(b"HTTP/1.1 200")

        started = time.monotonic()
        with connected(server) as connection:
            assert ask(connection) == (200, False)

        assert time.monotonic() - started < AT_ONCE_S


def test_who_waits_before_asking_is_answered(server: Server) -> None:
    with connected(server) as connection:
        connection.connect()
        time.sleep(0.1)

        assert ask(connection) == (200, False)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_refusal_before_the_body_was_read_arrives_and_says_whether_the_connection_goes_on(
    server: Server, size: int, *, is_chunked: bool
) -> None:
    body: bytes | Iterable[bytes] = repeat(b"x" * 1_000, -(-size // 1_000)) if is_chunked else b"x" * size

    with connected(server) as connection:
        connection.request("POST", "/v1/platform/events", body)
        answer = connection.getresponse()

        assert (answer.status, answer.will_close) == (401, is_chunked or size > 64 * 1024)
        answer.read()
        # The client connects anew where it was told to.
        assert ask(connection) == (200, False)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n[",
        b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\nX Y: z\r\n\r\n",
        b"GET /" + b"x" * 100_000,
    ],
    ids=["no chunk", "a blank in a name", "a long line"],
)
def test_a_refusal_of_what_is_no_request_arrives_too(server: Server, head: bytes) -> None:
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(head)
        connection.sendall(b"[" * 20_000_000)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    assert answer.startswith(b"HTTP/1.1 ")
    assert b"\r\nConnection: close\r\n" in answer


def connected(server: Server) -> closing[HTTPConnection]:
    """A client's connection, which is made when it is needed."""
    return closing(HTTPConnection(urlsplit(server.url).netloc, timeout=30))


def ask(connection: HTTPConnection) -> tuple[int, bool]:
    """The status of an answer, and whether the connection ends with it."""
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.will_close
