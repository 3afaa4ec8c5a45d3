"""Whatever a caller sends: the refusal repeats nothing of it, and the log has none of the caller's words."""

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.conftest import fresh_database
from tests.journeys.serving import served

pytestmark = pytest.mark.slow

CANARY = "canary-7f3a"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
POST = b"POST /oauth/token HTTP/1.1\r\nHost: x\r\n" + FORM

HOSTILE = {
    "no HTTP at all": (b"CANARY /CANARY?x=CANARY FOO/1\r\n\r\n", 400),
    "a control character in the method": (b"G\x01T /CANARY HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "an unknown method": (b"FROB /CANARY HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
    "a very long request line": (b"GET /" + b"CANARY" * 5_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a very long header": (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"CANARY" * 2_000 + b"\r\n\r\n", 431),
    "very many headers": (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: CANARY\r\n" * 200 + b"\r\n", 431),
    "a blank in a header's name": (b"GET / HTTP/1.1\r\nHo st: CANARY\r\n\r\n", 400),
    "no host": (b"GET /CANARY HTTP/1.1\r\nX: CANARY\r\n\r\n", 400),
    "two hosts": (b"GET /CANARY HTTP/1.1\r\nHost: x\r\nHost: CANARY\r\n\r\n", 400),
    "an unknown transfer coding": (POST + b"Transfer-Encoding: CANARY\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a negative length": (POST + b"Content-Length: -3CANARY\r\n\r\n", 400),
    "a chunk without a size": (POST + b"Transfer-Encoding: chunked\r\n\r\nZZCANARY\r\n", 400),
    "a chunk cut off": (POST + b"Transfer-Encoding: chunked\r\n\r\nff\r\nCANARY", 400),
    "a body cut off": (POST + b"Content-Length: 300\r\n\r\ngrant_type=CANARY", 400),
    "an unmet expectation": (POST + b"Expect: CANARY\r\nContent-Length: 3\r\n\r\nabc", 417),
    "another mount point": (b"GET /x HTTP/1.1\r\nHost: x\r\nSCRIPT_NAME: /CANARY\r\nConnection: close\r\n\r\n", 404),
    "an absolute address": (b"GET http://CANARY/CANARY HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
    "a query on a data path": (
        b"GET /v1/webmaster/members/CANARY?CANARY=CANARY HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        401,
    ),
}


@dataclass(frozen=True)
class Running:
    """A server that all tests here share, and where its log goes."""

    url: str
    log: Path

    def lines(self) -> list[dict[str, object]]:
        """The log so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def lines_about(self, request_id: str) -> list[dict[str, object]]:
        """Those of one request, which are written once its answer has been sent."""
        for _ in range(100):
            if found := [line for line in self.lines() if line.get("request_id") == request_id]:
                return found
            time.sleep(0.05)
        return []


@pytest.fixture(scope="module")
def server(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("server")
    with fresh_database(cluster, template) as url, served(url, directory, workers=1) as server:
        yield Running(server.url, directory / "serve.log")


def exchange(url: str, raw: bytes) -> bytes:
    """Send bytes, say that there are no more, and return everything that comes back."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(raw.replace(b"CANARY", CANARY.encode()))
        connection.shutdown(socket.SHUT_WR)
        parts = iter(lambda: connection.recv(65_536), b"")
        return b"".join(parts)


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_input_is_refused_without_an_echo(server: Running, case: str) -> None:
    raw, status = HOSTILE[case]

    answer = exchange(server.url, raw)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"X-Request-Id: req_" in head
    document = json.loads(body)
    assert document.get("status", status) == status
    assert CANARY.encode() not in answer


def test_the_log_never_holds_what_a_caller_sent(server: Running) -> None:
    for raw, _ in HOSTILE.values():
        exchange(server.url, raw)
    headers = {"Authorization": f"Bearer {CANARY}", "User-Agent": CANARY, "X-Forwarded-For": CANARY}
    requests.get(f"{server.url}/v1/webmaster/members/{CANARY}", params={"q": CANARY}, headers=headers, timeout=5)

    assert CANARY not in server.log.read_text()
    assert "127.0.0.1" not in server.log.read_text()


def test_each_request_is_one_line_with_template_status_and_id(server: Running) -> None:
    answer = requests.get(f"{server.url}/v1/model/members/somebody", timeout=5)

    lines = server.lines_about(answer.headers["X-Request-Id"])
    assert len(lines) == 1
    duration, moment = lines[0].pop("duration_ms"), lines[0].pop("timestamp")
    assert lines[0] == {
        "event": "request",
        "level": "info",
        "method": "GET",
        "route": "/v1/model/members/<username>",
        "status": 401,
        "request_id": answer.headers["X-Request-Id"],
        "client": None,
    }
    assert isinstance(duration, float)
    assert str(moment).endswith("Z")


def test_a_body_sent_in_chunks_is_read(server: Running) -> None:
    chunks = iter([b"grant_type=", b"client_credentials"])

    answer = requests.post(
        f"{server.url}/oauth/token",
        data=chunks,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=5,
    )

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_connection_serves_several_requests(server: Running) -> None:
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=5)
    connection.connect()
    port = connection.sock.getsockname()[1]

    for _ in range(3):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read() == b'{"status":"ok"}'

    assert connection.sock.getsockname()[1] == port
    connection.close()
