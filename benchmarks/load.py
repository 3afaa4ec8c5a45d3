"""The load: keep-alive connections that ask as fast as they are answered, in a process of its own.

Reads an order as JSON from standard input and writes what it saw as JSON; a client this small, reading no more of an
answer than its length, leaves the processors to the servers.
"""

import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

TIMEOUT_S = 120
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_LAST_CHUNK = b"0\r\n\r\n"


@dataclass(frozen=True)
class Order:
    """Which requests to send to which port of this machine, on how many connections, how long."""

    port: int
    paths: list[str]
    headers: dict[str, str]
    connections: int
    seconds: float


@dataclass(frozen=True)
class Seen:
    """Answers, all of them 200, and the seconds until the last one was in."""

    answers: int
    seconds: float


class _Connection:
    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def exchange(self, request: bytes) -> None:
        """Send a request and read its whole answer; raise `ValueError` if it is none, or no 200."""
        self._socket.sendall(request)
        data = self._more(b"")
        while (end := data.find(_HEAD_END)) < 0:
            data = self._more(data)
        head = data[:end].lower()
        if not head.startswith(b"http/1.1 200 "):
            raise ValueError(f"answered {data[:end].splitlines()[0]!r}")
        place = head.find(_LENGTH)
        if place < 0:
            while not data.endswith(_LAST_CHUNK):
                data = self._more(data[-len(_LAST_CHUNK) :])
        else:
            missing = int(head[place + len(_LENGTH) :].split(b"\r\n", 1)[0]) - (len(data) - end - len(_HEAD_END))
            while missing > 0:
                missing -= len(self._more(b""))

    def _more(self, data: bytes) -> bytes:
        received = self._socket.recv(1 << 18)
        if not received:
            raise ValueError("the connection was closed in the middle of an answer")
        return data + received


def send(order: Order) -> Seen:
    """Carry out an order."""
    requests = [_request(path, order.headers) for path in order.paths]
    begun = time.monotonic()

    def ask(place: int) -> int:
        connection = _Connection(order.port)
        answers = 0
        while time.monotonic() - begun < order.seconds:
            connection.exchange(requests[(place + answers * order.connections) % len(requests)])
            answers += 1
        return answers

    with ThreadPoolExecutor(order.connections) as pool:
        answers = sum(pool.map(ask, range(order.connections)))
    return Seen(answers, time.monotonic() - begun)


def _request(path: str, headers: dict[str, str]) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


if __name__ == "__main__":
    json.dump(asdict(send(Order(**json.load(sys.stdin)))), sys.stdout)
