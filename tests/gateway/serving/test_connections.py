"""Connections: none takes the threads from the others, and whoever is refused early still hears so."""

import resource
import socket
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from functools import partial
from http.client import HTTPConnection
from itertools import repeat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from gateway.serving.server import MOST_CONNECTIONS, THREADS
from gateway.serving.worker import MOST_LOOKS, PATIENCE_S
from partners.postgres.database import Database
from partners.vocabulary import PartnerKind
from tests.callers import access_token, add_caller
from tests.conftest import fresh_database
from tests.journeys.serving import Server, served

pytestmark = pytest.mark.slow

CONNECTIONS = 3 * THREADS
SECONDS = 2.0
AT_ONCE_S = 1.0
LAST_WORDS = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
FORM = (
    b"POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 29\r\n\r\n"
)
BEGUN = {
    "nothing of a line": (b"", GET + b"\r\n"),
    "half a line": (b"GET /hea", b"lthz HTTP/1.1\r\nHost: x\r\n\r\n"),
    "half a head": (GET + b"X-Half: ", b"whole\r\n\r\n"),
    "half of the second": (GET + b"\r\nGET /hea", b"lthz HTTP/1.1\r\nHost: x\r\n\r\n"),
    "no body": (FORM, b"grant_type=client_credentials"),
    "half a body": (FORM + b"grant_type=client", b"_credentials"),
    "half a chunk": (
        FORM.replace(b"Content-Length: 29", b"Transfer-Encoding: chunked") + b"1d\r\ngrant_type=client",
        b"_credentials\r\n0\r\n\r\n",
    ),
    "what looks like the last chunk": (
        FORM.replace(b"Content-Length: 29", b"Transfer-Encoding: chunked") + b"25\r\nx=0\r\n\r\n",
        b"&grant_type=client_credentials\r\n0\r\nX-Trailer: y\r\n\r\n",
    ),
    "a length with many zeros": (
        FORM.replace(b"Length: 29", b"Length: " + b"0" * 30 + b"29") + b"grant_type=client",
        b"_credentials",
    ),
    "a chunk's size that begins with zeros": (
        FORM.replace(b"Content-Length: 29", b"Transfer-Encoding: chunked") + b"0" * 16 + b"20\r\n\r\n",
        b"&grant_type=client_credentials\r\n0\r\n\r\n",
    ),
    "a chunk's size with an endless extension": (
        FORM.replace(b"Content-Length: 29", b"Transfer-Encoding: chunked") + b"1d;" + b"a" * 1_100,
        b"\r\ngrant_type=client_credentials\r\n0\r\n\r\n",
    ),
    "an empty line, and no more": (b"\r\n", GET + b"\r\n"),
}
"""What has come of a request, and what is missing of it."""
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
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            silent = held.enter_context(connection_that_says(server, words))
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


@pytest.mark.parametrize("begun", BEGUN.values(), ids=BEGUN)
def test_a_request_that_comes_bit_by_bit_keeps_nobody_waiting_and_is_answered(
    server: Server, begun: tuple[bytes, bytes]
) -> None:
    words, rest = begun
    with ExitStack() as held:
        slow = [held.enter_context(connection_that_says(server, words)) for _ in range(CONNECTIONS)]

        started = time.monotonic()
        with connected(server) as connection:
            assert ask(connection) == (200, False)
        assert time.monotonic() - started < AT_ONCE_S

        for byte in rest:
            slow[0].sendall(bytes([byte]))
            time.sleep(0.006)
        slow[0].shutdown(socket.SHUT_WR)
        answers = b"".join(iter(lambda: slow[0].recv(65_536), b""))
        assert answers.count(b"HTTP/1.1 200 OK") == (words + rest).count(b"GET ")
        assert answers.count(b"HTTP/1.1 401 ") == (words + rest).count(b"POST ")


def test_a_small_body_that_a_known_caller_sends_chunk_by_chunk_keeps_nobody_waiting_and_is_read(
    db: Database, http: FlaskClient, database_url: str, tmp_path: Path
) -> None:
    token = access_token(http, add_caller(db, PartnerKind.PLATFORM))
    words = (
        b"PATCH /v1/platform/members/m-1/privacy HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n" % token.encode()
    )
    with served(database_url, tmp_path, workers=1) as server, ExitStack() as held:
        slow = [held.enter_context(connection_that_says(server, words)) for _ in range(CONNECTIONS)]

        started = time.monotonic()
        with connected(server) as connection:
            assert ask(connection) == (200, False)
        assert time.monotonic() - started < AT_ONCE_S

        slow[0].sendall(b"1\r\n}\r\n0\r\n\r\n")
        assert slow[0].recv(65_536).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    "words",
    [b"G@T / HTTP/1.1\nX", b"POST /v1/platform/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1"],
    ids=["no HTTP", "no token"],
)
def test_who_is_refused_and_stays_keeps_nobody_waiting(server: Server, words: bytes) -> None:
    with ExitStack() as held:
        refused = [held.enter_context(connection_that_says(server, words)) for _ in range(CONNECTIONS)]
        assert all(each.recv(65_536).startswith(b"HTTP/1.1 4") for each in refused)

        started = time.monotonic()
        with connected(server) as connection:
            assert ask(connection) == (200, False)
        assert time.monotonic() - started < AT_ONCE_S


def test_urgent_bytes_hide_nothing_that_comes_after_them(server: Server) -> None:
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            urgent = held.enter_context(connection_that_says(server, b"GET / HTTP/1.1\r\nX: a"))
            time.sleep(0.02)
            urgent.send(b"b", socket.MSG_OOB)
            urgent.sendall(b"ccccc")

        started = time.monotonic()
        with connected(server) as connection:
            assert ask(connection) == (200, False)
        assert time.monotonic() - started < AT_ONCE_S


def test_a_request_in_very_many_pieces_is_refused(server: Server) -> None:
    with connection_that_says(server, b"GET / HTTP/1.1\r\nX: ") as slow:
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError):
            for _ in range(2 * MOST_LOOKS):
                time.sleep(0.006)
                slow.sendall(b"y")
        assert slow.recv(65_536).startswith(b"HTTP/1.1 400 ")


def test_who_says_nothing_makes_room_for_who_asks(server: Server) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with ExitStack() as held:
        for _ in range(MOST_CONNECTIONS + 500):
            held.enter_context(connection_that_says(server, b""))

        with connected(server) as connection:
            assert ask(connection) == (200, False)


def test_what_comes_in_small_pieces_is_taken(server: Server) -> None:
    """They fill the kernel's memory long before they are as many bytes as it was to wait for."""
    body = b"x" * 60_000
    with connection_that_says(server, FORM.replace(b"Length: 29", b"Length: 60000")) as slow:
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for place in range(0, len(body), 100):
            slow.sendall(body[place : place + 100])
        assert slow.recv(65_536).startswith(b"HTTP/1.1 400 BAD REQUEST\r\nServer")


def test_many_small_chunks_are_refused(server: Server) -> None:
    head = FORM.replace(b"Content-Length: 29", b"Transfer-Encoding: chunked")
    with connection_that_says(server, head + (b"1;" + b"a" * 900 + b"\r\nx\r\n") * 150) as odd:
        assert odd.recv(65_536).startswith(b"HTTP/1.1 413 ")


def test_who_asks_on_without_reading_keeps_nobody_waiting(server: Server) -> None:
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            deaf = held.enter_context(socket.socket())
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
            address = urlsplit(server.url)
            deaf.connect((address.hostname, address.port))
            deaf.sendall(b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 60)
        time.sleep(1)

        started = time.monotonic()
        with connected(server) as connection:
            assert ask(connection) == (200, False)
        assert time.monotonic() - started < AT_ONCE_S


def test_a_request_that_comes_in_two_pieces_after_a_stop_is_answered(database_url: str, tmp_path: Path) -> None:
    with served(database_url, tmp_path, workers=1) as server:
        with connected(server) as connection:
            assert ask(connection) == (200, False)
        with connection_that_says(server, b"") as late:
            time.sleep(0.1)
            server.process.terminate()
            time.sleep(0.1)
            late.sendall(GET[:10])
            time.sleep(0.1)
            late.sendall(GET[10:] + b"\r\n")
            assert late.recv(65_536).startswith(b"HTTP/1.1 200 ")
        server.process.communicate(timeout=60)


def test_who_asks_before_sending_the_body_is_told_to_go_on(server: Server) -> None:
    head = FORM.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
    with connection_that_says(server, head) as careful:
        assert careful.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        careful.sendall(b"grant_type=client_credentials")
        answer = b"".join(iter(partial(careful.recv, 65_536), b""))

    assert answer.count(b"HTTP/1.1 401 ") == 1
    with connection_that_says(server, head.replace(b"HTTP/1.1", b"HTTP/1.0")) as old:
        time.sleep(0.1)
        old.sendall(b"grant_type=client_credentials")
        assert old.recv(65_536).startswith(b"HTTP/1.0 401 ")


def test_a_request_that_does_not_come_is_refused_in_the_end(server: Server) -> None:
    with connection_that_says(server, b"GET /he") as one, connection_that_says(server, FORM + b"grant_") as other:
        begun = time.monotonic()
        answers = [b"".join(iter(partial(slow.recv, 65_536), b"")) for slow in (one, other)]

    assert [answer.partition(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 408 Request Timeout"] * 2
    assert PATIENCE_S - 1 < time.monotonic() - begun < PATIENCE_S + 3


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_a_head_that_is_too_long_is_refused(server: Server, end: bytes) -> None:
    with connection_that_says(server, GET + (b"X: " + b"y" * 8_000 + b"\r\n") * 5 + end) as endless:
        assert endless.recv(65_536).startswith(b"HTTP/1.1 431 ")


def test_a_stop_waits_for_no_connection_that_says_nothing(database_url: str, tmp_path: Path) -> None:
    with served(database_url, tmp_path, workers=1) as server, connection_that_says(server, b""):
        with connected(server) as connection:
            assert ask(connection) == (200, False)
        started = time.monotonic()
        server.process.terminate()
        server.process.communicate(timeout=60)

    assert time.monotonic() - started < PATIENCE_S / 3


def connection_that_says(server: Server, words: bytes) -> socket.socket:
    address = urlsplit(server.url)
    connection = socket.create_connection((address.hostname, address.port), timeout=60)
    connection.sendall(words)
    return connection


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
    with connection_that_says(server, head) as connection:
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
