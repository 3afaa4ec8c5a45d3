"""gunicorn's threaded worker, which waits for no slow caller, stays with a busy one, and repeats nothing but HTTP."""

import errno
import selectors
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from io import SEEK_END
from types import FrameType
from typing import Any

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import _DEFER, ThreadWorker
from structlog import get_logger

from gateway.serving.arrival import Followed, awaits_permission, lacking
from gateway.serving.refusals import refusal, status_of
from gateway.serving.sockets import ends, is_readable, is_unread, peek
from partners.access_log.identifiers import REQUEST_PREFIX, new_id, public

PATIENCE_S = 30
"""How long a request may take to come, a caller be silent in a longer one, or take nothing of an answer."""
AT_ONCE_S = 0.005
"""How long a thread waits for a connection's request; so much longer may another have to wait for a thread."""
MOST_LOOKS = 500
"""Pieces in which a request may come, where each makes somebody wait for the next."""
FULL = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""What the system says where there is no room for another connection."""
GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
LINGER_S = 2
"""How long a caller may go on sending what nobody reads, after an answer that ends the connection."""
MOST_LEFT = 32 << 20
"""Bytes that are taken meanwhile."""
log = get_logger(__name__)
_LINGER = object()
"""What a thread says of a connection whose caller may still be sending what nobody reads."""


@contextmanager
def signals_wait() -> Iterator[None]:
    """Keep what workers are signalled with until the block ends, or until a worker made in it has its own handlers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, Worker.SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@dataclass(frozen=True)
class _Begun:
    """What is known of a connection whose next request has not come as a whole."""

    until: float
    """The instant of the monotonic clock at which it is refused."""
    awaited: int
    """Bytes that have to wait in the kernel before anybody looks at it again."""
    may_go_on: bool
    """Whether the caller was told to send the body."""
    chunks: Followed
    looks: int
    """How often that may still be: a request in very many pieces costs more than any other."""


@dataclass
class _Leaving:
    """A connection that ends once its caller has read the answer."""

    until: float
    left: int = MOST_LEFT
    """Bytes that are still taken."""


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn is untyped
    """A worker process with threads."""

    def __init__(self, *args: Any) -> None:
        """Take what gunicorn gives a worker."""
        super().__init__(*args)
        self._begun: dict[Any, _Begun] = {}
        self._refused: set[socket.socket] = set()
        self._leaving: dict[Any, _Leaving] = {}

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
        """Answer a request that has come, and in the same thread those that follow at once: handing over takes longer.

        What has not come is waited for elsewhere; gunicorn would have a thread wait.
        """
        try:
            if not self._has_come(conn):
                return _DEFER
            is_kept = not is_unread(conn.sock) and super().handle(conn)
            while is_kept is True and self.alive and self._is_idle():
                if not self._has_come(conn):
                    return _DEFER if conn in self._begun else True
                is_kept = not is_unread(conn.sock) and super().handle(conn)
        except errors.ParseException as error:
            self.handle_error(None, conn.sock, conn.client, error)
            is_kept = False
        if is_kept is False and self._may_go_on(conn):
            return _LINGER
        return is_kept

    def handle_request(self, req: Any, conn: Any) -> Any:  # noqa: ANN401 - gunicorn is untyped
        """Answer a request that says once which host it is for, as RFC 9112 §3.2 demands since HTTP/1.1."""
        if req.version >= (1, 1) and sum(name == "HOST" for name, _ in req.headers) != 1:
            raise errors.InvalidHeader("HOST")
        return super().handle_request(req, conn)

    def finish_request(self, conn: Any, fs: Future[Any]) -> None:  # noqa: ANN401 - gunicorn is untyped
        """Close a connection that is over at once; gunicorn waits here for its caller, and so does everybody else."""
        result = None if fs.cancelled() or fs.exception() is not None else fs.result()
        if result is _LINGER:
            self._linger(conn)
        elif result is _DEFER:
            self._wait_for(conn)
        elif result is False:
            self._close(conn)
        else:
            super().finish_request(conn, fs)

    def _wait_for(self, conn: Any) -> None:  # noqa: ANN401 - gunicorn is untyped
        """Wait for what is missing of a request, also where the worker is told to stop meanwhile."""
        conn.sock.settimeout(0)
        begun, now = self._begun.get(conn), time.monotonic()
        until = begun.until if begun else now + self.cfg.keepalive
        conn.timeout = until if self.alive else min(until, now + LINGER_S)
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def accept(self, listener: socket.socket) -> None:
        """Take a connection, unless the system has no room for it."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in FULL:
                raise
            log.warning("no_room_for_connections", error=errno.errorcode[error.errno])
            time.sleep(AT_ONCE_S)

    def murder_pending(self) -> None:
        """Close the connections that have said nothing for long, and those whose request has not come in time."""
        now = time.monotonic()
        for conn in [pending for pending in self.pending_conns if pending.timeout <= now]:
            self.pending_conns.remove(conn)
            self.poller.unregister(conn.sock)
            if self._begun.pop(conn, None) is None:
                self._close(conn)
            else:
                self._refuse(conn.sock, TimeoutError())
                self._linger(conn)
        for conn in [leaving for leaving, kept in self._leaving.items() if kept.until <= now]:
            self._let_go(conn)
        self._make_room()

    def _make_room(self) -> None:
        """Where there are as many connections as there may be, end some that say nothing, the oldest first.

        Between rounds of events alone: within one, the next event may be theirs.
        """
        for idle in (self.pending_conns, self.keepalived_conns):
            while self.nr_conns >= self.worker_connections and idle:
                conn = idle.popleft()
                self.poller.unregister(conn.sock)
                self._begun.pop(conn, None)
                self._close(conn)
        while self.nr_conns >= self.worker_connections and self._leaving:
            self._let_go(next(iter(self._leaving)))

    def _linger(self, conn: Any) -> None:  # noqa: ANN401 - gunicorn is untyped
        """Take what the caller still sends, for a while: closed with something unread, a connection is reset.

        The caller might never see the answer then (RFC 9112 §9.6).
        """
        conn.sock.settimeout(0)
        self._leaving[conn] = _Leaving(time.monotonic() + LINGER_S)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._take, conn))

    def _take(self, conn: Any, client: socket.socket) -> None:  # noqa: ANN401 - gunicorn is untyped
        leaving = self._leaving[conn]
        try:
            taken = client.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            taken = b""
        leaving.left -= len(taken)
        if not taken or leaving.left <= 0:
            self._let_go(conn)

    def _let_go(self, conn: Any) -> None:  # noqa: ANN401 - gunicorn is untyped
        del self._leaving[conn]
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _close(self, conn: Any) -> None:  # noqa: ANN401 - gunicorn is untyped
        self.nr_conns -= 1
        conn.close()

    def _cap_keepalive(self, deadline: float) -> None:
        """Wait no longer for what has not come than for connections that say nothing more."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def _is_idle(self) -> bool:
        """Whether no connection waits for a thread."""
        # Executors tell nobody else.
        empty: bool = self.tpool._work_queue.empty()  # noqa: SLF001
        return empty

    def _has_come(self, conn: Any) -> bool:  # noqa: ANN401 - gunicorn is untyped
        """Whether a request can be read without waiting for its caller; one that has begun to come is kept in mind."""
        begun = self._begun.pop(conn, None)
        awaited, may_go_on = (begun.awaited, begun.may_go_on) if begun else (0, False)
        chunks = begun.chunks if begun else Followed()
        latest = time.monotonic() + (AT_ONCE_S if self._is_idle() else 0)
        while (waiting := peek(conn.sock)) != b"":
            there = len(waiting or b"")
            come = (conn.parser.unreader.buf.getvalue() if conn.parser else b"") + (waiting or b"")
            missing = lacking(come, chunks)
            if not missing or (there < awaited and (not there or ends(conn.sock))):
                break
            if there < awaited:
                # The kernel has no room for more.
                there = _take_over(conn, there)
            if not may_go_on and awaits_permission(come):
                may_go_on = True
                with suppress(OSError):
                    conn.sock.send(GO_ON, socket.MSG_DONTWAIT)
            awaited = there + missing
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, awaited)
            if not is_readable(conn.sock, latest - time.monotonic()):
                if come:
                    self._begun[conn] = _next(begun, awaited, chunks, may_go_on=may_go_on)
                return False
        if awaited > 1:
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        return True

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:  # noqa: ANN401, ARG002 - gunicorn is untyped
        """Refuse a request that never reached the application."""
        self._refused.add(client)
        self._refuse(client, exc)

    def _may_go_on(self, conn: Any) -> bool:  # noqa: ANN401 - gunicorn is untyped
        """Whether the caller of a request that ends its connection may still be sending."""
        if conn.sock in self._refused:
            self._refused.discard(conn.sock)
            return True
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            is_over = conn.parser.finish_body(deadline=time.monotonic() + AT_ONCE_S, max_bytes=MOST_LEFT)
        except errors.ParseException:
            return True
        except OSError:
            return False
        return not is_over or bool(peek(conn.sock))

    def _refuse(self, client: socket.socket, exc: BaseException) -> None:
        """Answer with a problem; the log names the kind of error alone."""
        status = status_of(exc)
        request_id = public(REQUEST_PREFIX, new_id(datetime.now(UTC)))
        log.warning("request_refused", status=int(status), error=type(exc).__name__, request_id=request_id)
        try:
            util.write_nonblock(client, refusal(status, request_id, self.app.issuer))
            client.shutdown(socket.SHUT_WR)
        except OSError:
            log.info("caller_gone", request_id=request_id)


def _next(begun: _Begun | None, awaited: int, chunks: Followed, *, may_go_on: bool) -> _Begun:
    if begun is None:
        return _Begun(time.monotonic() + PATIENCE_S, awaited, may_go_on, chunks, MOST_LOOKS)
    if not begun.looks:
        raise errors.InvalidRequestLine("too many pieces")
    return _Begun(begun.until, awaited, may_go_on, chunks, begun.looks - 1)


def _take_over(conn: Any, there: int) -> int:  # noqa: ANN401 - gunicorn is untyped
    """Have the parser keep what waits in the kernel, and return how much does then: none."""
    conn.init()
    unread = conn.parser.unreader.buf
    unread.seek(0, SEEK_END)
    unread.write(conn.sock.recv(there))
    return 0
