"""gunicorn's threaded worker, which stays with a busy connection, and answers what is not HTTP without repeating it."""

import select
import signal
import socket
from datetime import UTC, datetime
from http import HTTPStatus
from types import FrameType
from typing import Any

import orjson
from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker
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
"""How long a thread waits for a connection's next request; so much longer may another have to wait for a thread."""
log = get_logger(__name__)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn is untyped
    """A worker process with threads."""

    def init_signals(self) -> None:
        """Leave SIGINT to the process that owns the workers: Ctrl-C reaches the whole group, and one has to decide."""
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler
        """Leave at once; gunicorn's own handler waits for a lock that the interrupted code may hold."""
        self.alive = False
        raise SystemExit(0)

    def handle(self, conn: Any) -> Any:  # noqa: ANN401 - gunicorn is untyped
        """Answer a request, and in the same thread those that follow at once: handing over takes longer."""
        while (is_kept := super().handle(conn)) is True and self.alive and self._is_followed(conn):
            pass
        return is_kept

    def _is_followed(self, conn: Any) -> bool:  # noqa: ANN401 - gunicorn is untyped
        """Whether the next request of a connection comes at once, and no other connection waits for a thread."""
        if not self.tpool._work_queue.empty():  # noqa: SLF001 - executors tell nobody else
            return False
        next_request = select.poll()
        next_request.register(conn.sock, select.POLLIN)
        return bool(next_request.poll(AT_ONCE_MS))

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:  # noqa: ANN401, ARG002 - gunicorn is untyped
        """Refuse a request that never reached the application; the log names the kind of error alone."""
        status = _status(exc)
        request_id = public(REQUEST_PREFIX, new_id(datetime.now(UTC)))
        log.warning("request_refused", status=int(status), error=type(exc).__name__, request_id=request_id)
        try:
            util.write_nonblock(client, _response(status, request_id, self.app.issuer))
        except OSError:
            log.info("caller_gone", request_id=request_id)


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
