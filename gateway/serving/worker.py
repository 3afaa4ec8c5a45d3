"""gunicorn's threaded worker, which stays with a busy connection, and answers what is not HTTP without repeating it."""

import select
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http import HTTPStatus
from types import FrameType
from typing import Any

import orjson
from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import _DEFER, ThreadWorker
from structlog import get_logger

from gateway.problems import MEDIA_TYPE
from partners.access_log.identifiers import REQUEST_PREFIX, new_id, public

STATUSES = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
}
"""By error; every other error of parsing is a 400: no input makes a 5xx."""
AT_ONCE_MS = 5
"""How long a thread waits for a connection's request; so much longer may another have to wait for a thread."""
LINGER_S = 2
"""How long a caller may go on sending what nobody reads, after an answer that ends the connection."""
MOST_LEFT = 32 << 20
"""Bytes that are taken meanwhile."""
log = get_logger(__name__)


@contextmanager
def signals_wait() -> Iterator[None]:
    """Keep what workers are signalled with until the block ends, or until a worker made in it has its own handlers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, Worker.SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn is untyped
    """A worker process with threads."""

    def init_signals(self) -> None:
        """Leave SIGINT to the process that owns the workers: Ctrl-C reaches the whole group, and one has to decide."""
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self.SIGNALS)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler
        """Leave at once; gunicorn's own handler waits for a lock that the interrupted code may hold."""
        self.alive = False
        raise SystemExit(0)

    def handle(self, conn: Any) -> Any:  # noqa: ANN401 - gunicorn is untyped
        """Answer a request, and in the same thread those that follow at once: handing over takes longer.

        A new connection that brings no request at once waits for it elsewhere; gunicorn would have a thread wait.
        """
        if not (conn.initialized or conn.data_ready or _is_readable(conn.sock, AT_ONCE_MS)):
            return _DEFER
        while (is_kept := super().handle(conn)) is True and self.alive and self._is_followed(conn):
            pass
        if is_kept is False:
            _take_what_is_left(conn)
        return is_kept

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:  # noqa: ANN401 - gunicorn is untyped
        """Close a connection that is over at once; gunicorn waits here for its caller, and so does everybody else."""
        if fs.cancelled() or fs.exception() is not None or fs.result() is not False:
            super().finish_request(conn, fs)
        else:
            self.nr_conns -= 1
            conn.close()

    def _is_followed(self, conn: Any) -> bool:  # noqa: ANN401 - gunicorn is untyped
        """Whether the next request of a connection comes at once, and no other connection waits for a thread."""
        # Executors tell nobody else whether anybody waits.
        return self.tpool._work_queue.empty() and _is_readable(conn.sock, AT_ONCE_MS)  # noqa: SLF001

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:  # noqa: ANN401, ARG002 - gunicorn is untyped
        """Refuse a request that never reached the application; the log names the kind of error alone."""
        status = _status(exc)
        request_id = public(REQUEST_PREFIX, new_id(datetime.now(UTC)))
        log.warning("request_refused", status=int(status), error=type(exc).__name__, request_id=request_id)
        try:
            util.write_nonblock(client, _response(status, request_id, self.app.issuer))
            client.shutdown(socket.SHUT_WR)
            _drain(client, time.monotonic() + LINGER_S)
        except OSError:
            log.info("caller_gone", request_id=request_id)


def _take_what_is_left(conn: Any) -> None:  # noqa: ANN401 - gunicorn is untyped
    """Take what the caller of an answered request still sends, as long as its body goes on."""
    latest = time.monotonic() + LINGER_S
    with suppress(OSError):
        conn.sock.shutdown(socket.SHUT_WR)
        try:
            is_over = conn.parser.finish_body(deadline=latest, max_bytes=MOST_LEFT)
        except errors.ParseException:
            is_over = False
        _drain(conn.sock, time.monotonic() if is_over else latest)


def _drain(sock: socket.socket, latest: float) -> None:
    """Take whatever comes until the caller hangs up, or until an instant, and what is there by then.

    Closed with something unread, a connection is reset, and its caller may never see the answer (RFC 9112 §9.6).
    """
    left = MOST_LEFT
    while left > 0 and _is_readable(sock, max(0.0, latest - time.monotonic()) * 1_000):
        received = sock.recv(65_536)
        if not received:
            return
        left -= len(received)


def _is_readable(sock: socket.socket, within_ms: float) -> bool:
    readable = select.poll()
    readable.register(sock, select.POLLIN)
    return bool(readable.poll(within_ms))


def _status(error: BaseException) -> HTTPStatus:
    for kind, status in STATUSES.items():
        if isinstance(error, kind):
            return status
    return HTTPStatus.BAD_REQUEST if isinstance(error, errors.ParseException) else HTTPStatus.INTERNAL_SERVER_ERROR


def _response(status: HTTPStatus, request_id: str, issuer: str) -> bytes:
    document = {
        "type": f"{issuer}/docs/problems#{status.phrase.lower().replace(' ', '-')}",
        "title": status.phrase,
        "status": int(status),
        "detail": f"{status.phrase}.",
        "request_id": request_id,
        "errors": [],
    }
    body = orjson.dumps(document)
    head = (
        f"HTTP/1.1 {int(status)} {status.phrase}\r\nConnection: close\r\nContent-Type: {MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nX-Request-Id: {request_id}\r\nCache-Control: no-store\r\n\r\n"
    )
    return head.encode() + body
