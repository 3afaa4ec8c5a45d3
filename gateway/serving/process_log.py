"""What gunicorn says, without a word of what callers sent: a request line or a path never gets into the log."""

import logging
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from gunicorn.glogging import Logger
from structlog import get_logger

EVENTS = {
    "Booting worker with pid: %s": "worker_started",
    "Worker exiting (pid: %s)": "worker_stopped",
    "WORKER TIMEOUT (pid:%s)": "worker_hung",
    "Worker (pid:%s) exited with code %s.": "worker_failed",
    "Handling signal: %s": "signal",
}
"""gunicorn's messages about its own processes; only of these the particulars are written."""
log = get_logger(__name__)


class ProcessLog(Logger):  # type: ignore[misc]  # gunicorn is untyped
    """Writes events through structlog, and requests not at all: the application does that."""

    access_log_enabled = False

    def setup(self, cfg: Any) -> None:  # noqa: ANN401 - gunicorn is untyped
        """Open nothing."""
        self.cfg = cfg

    def debug(self, msg: object, *args: object, **_: object) -> None:
        """Say nothing."""

    def info(self, msg: object, *args: object, **_: object) -> None:
        """Say what is about the processes."""
        if msg in EVENTS:
            log.info(EVENTS[str(msg)], about=args)

    def warning(self, msg: object, *args: object, **_: object) -> None:
        """Say that something is odd, and where."""
        self._trouble(logging.WARNING, msg, args)

    def error(self, msg: object, *args: object, **_: object) -> None:
        """Say that something is wrong, and where."""
        self._trouble(logging.ERROR, msg, args)

    critical = exception = error

    def _trouble(self, level: int, msg: object, args: tuple[object, ...]) -> None:
        known = EVENTS.get(str(msg))
        if known:
            log.log(level, known, about=args)
        else:
            error, _, _ = sys.exc_info()
            at = sys._getframe(2)  # noqa: SLF001 - where gunicorn speaks tells what it would say
            log.log(level, "server_trouble", at=_place(at), error=error.__name__ if error else None)


def _place(frame: FrameType) -> str:
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
