"""The production server: gunicorn with threads, inside the command that owns the database."""

import gc
import os
import resource
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter

from gateway.application import create_app
from gateway.background import detecting, sealing, upkeep
from gateway.observability import metrics
from gateway.serving.bodies import SafeBodies
from gateway.serving.process_log import ProcessLog
from gateway.serving.worker import PATIENCE_S, Worker, signals_wait
from gateway.settings import Settings
from partners.postgres import database
from serializers.statements import render_usual

THREADS = 8
"""Requests at once in each worker; its pools for releases and for writes hold as many, that for sums half."""
MOST_CONNECTIONS = 1_000
"""Of callers, in each worker."""
OTHER_FILES = 100
"""What a worker holds open besides."""
IDLE_S = 75
"""How long a connection is kept without a request; longer than proxies usually do."""
STOP_S = 30
"""How long requests may go on after the signal to stop."""
COLLECTED_AT = (20_000, 20, 20)
"""So many more objects made than gone, and the collector looks for cycles; then how often until it looks further."""
TURN_S = 0.001
"""How long a thread that computes, such as a batch of the feed, keeps others waiting who have an answer to give."""


class ServerError(Exception):
    """The server cannot be started; the message says why."""


@dataclass(frozen=True)
class Serving:
    """What is served where; `on_ready` is called once, when connections are accepted."""

    settings: Settings
    database_url: str
    listener: socket.socket
    workers: int
    on_ready: Callable[[], None]
    seals: bool = True
    """Whether one of the workers seals the access log."""
    detects: bool = True
    """Whether one of them runs the detections over it."""


def bind(host: str, port: int) -> socket.socket:
    """Reserve the address before anything is started; raise `ServerError` if it is taken or not ours."""
    listener: socket.socket | None = None
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted connections inherit all three: a caller who falls silent does not hold a thread for good.
        for patience in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.setsockopt(socket.SOL_SOCKET, patience, struct.pack("ll", PATIENCE_S, 0))
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Else every call that sends would wait as long again: the rest of the answer, and what says that it failed.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PATIENCE_S * 1_000)
        listener.bind(address)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise ServerError(f"Port {port} on {host} cannot be served: {error.strerror or error}.") from error
    return listener


def address_of(listener: socket.socket) -> str:
    """The URL under which a bound socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(serving: Serving) -> None:
    """Serve until SIGTERM or SIGINT; ends the process with `SystemExit`."""
    # Once, before there are workers: each has what was rendered here.
    render_usual(telling=serving.settings.spool_dir is not None)
    with TemporaryDirectory(prefix="gateway-metrics-") as figures:
        os.environ[metrics.DIRECTORY] = figures
        _serve(serving)


def _serve(serving: Serving) -> None:
    owner = os.getpid()
    try:
        _Gunicorn(serving).run()
    except SystemExit as leaving:
        if os.getpid() == owner:
            raise
        # A worker leaves through here too: what the command holds open, such as the database, is not its to close.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(leaving.code if isinstance(leaving.code, int) else 1)


class _Arbiter(Arbiter):  # type: ignore[misc]  # gunicorn is untyped
    """The process that owns the workers."""

    def spawn_worker(self) -> int:
        """Fork with signals waiting, so that a new worker answers them itself.

        Until it does it has the owner's handlers: a SIGTERM would be lost, and the owner wait for it for `STOP_S`.
        """
        with signals_wait():
            pid: int = super().spawn_worker()
        return pid


class _Gunicorn(BaseApplication):  # type: ignore[misc]  # gunicorn is untyped
    """Reads no configuration file and no environment but the gateway's own settings."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self.issuer = serving.settings.issuer
        self._address = f"fd://{serving.listener.detach()}"
        super().__init__()

    def run(self) -> None:
        _Arbiter(self).run()

    def load_config(self) -> None:
        for name, value in self._settings().items():
            self.cfg.set(name, value)

    def load(self) -> SafeBodies:
        """Make the application; each worker does it for itself, so that no connection is shared across a fork."""
        settings, url = replace(self._serving.settings, workers=self._serving.workers), self._serving.database_url
        app = create_app(settings, url)
        upkeep.start(url)
        held, figures = app.extensions["runtime"], app.extensions["metrics"]
        if self._serving.seals:
            sealing.start(sealing.sealing_of(settings, held.keyring, url, figures))
        if self._serving.detects:
            # Engines of its own: a run holds two connections, which the requests would lack.
            detecting.start(detecting.Detecting(database.connect(url, pool_size=2).write, figures))
        _prepare_to_answer()
        return SafeBodies(app)

    def _settings(self) -> dict[str, Any]:
        return {
            "bind": self._address,
            "workers": self._serving.workers,
            "threads": THREADS,
            "worker_connections": _most_connections(),
            "worker_class": Worker,
            "logger_class": ProcessLog,
            "accesslog": None,
            "keepalive": IDLE_S,
            "timeout": 2 * PATIENCE_S,
            "graceful_timeout": STOP_S,
            # Measured before a thread begins (`gateway.serving.arrival`).
            "limit_request_line": 0,
            "limit_request_fields": 100,
            "limit_request_field_size": 8_190,
            # Which proxies are believed, GATEWAY_PROXIES says, and nothing else.
            "forwarded_allow_ips": "",
            "control_socket_disable": True,
            "proc_name": "member-data-gateway",
            "when_ready": lambda _: self._serving.on_ready(),
        }


def _most_connections() -> int:
    """As many as gunicorn takes usually, if this process may hold so many files, and others besides."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return (
        MOST_CONNECTIONS
        if soft == resource.RLIM_INFINITY
        else max(2 * THREADS, min(MOST_CONNECTIONS, soft - OTHER_FILES))
    )


def _prepare_to_answer() -> None:
    """Let no request wait for what has nothing to do with it: another's computation, or a look through the modules."""
    sys.setswitchinterval(TURN_S)
    # What is loaded by now stays as long as the process does, and the collector need not look through it again.
    gc.collect()
    gc.freeze()
    # What a request makes goes without the collector's help; a page of a list alone would call it three times.
    gc.set_threshold(*COLLECTED_AT)
