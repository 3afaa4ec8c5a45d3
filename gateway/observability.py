"""What the server says about itself: one JSON line a request, one a failure, and never what a caller sent."""

import logging
import sys
import time

import orjson
import structlog
from flask import Flask, Response, g, request

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""A method is a caller's word too: any other is written as `OTHER`."""
log = structlog.get_logger(__name__)


def configure() -> None:
    """Write JSON lines to the standard error stream; of what libraries log, only where and how grave it was."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=lambda line, **_: orjson.dumps(line, default=str).decode()),
        ],
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _Wordless) for handler in root.handlers):
        root.addHandler(_Wordless())


def register(app: Flask) -> None:
    """Log each request once its answer has been sent."""
    app.before_request(_start)
    app.after_request(_log_when_sent)


class _Wordless(logging.Handler):
    """Libraries put paths, values and tokens into their messages; where a message comes from tells enough."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say which library spoke, from which line, and about which error."""
        error = record.exc_info[0] if record.exc_info else None
        log.warning(
            "library_message",
            library=record.name,
            severity=record.levelname.lower(),
            at=f"{record.filename}:{record.lineno}",
            error=error.__name__ if error else None,
        )


def _start() -> None:
    g.started = time.perf_counter()


def _log_when_sent(response: Response) -> Response:
    started = g.started
    line = {
        "method": request.method if request.method in METHODS else "OTHER",
        "route": request.url_rule.rule if request.url_rule else None,
        "status": response.status_code,
        "request_id": g.request_id,
        "client": g.get("client"),
    }

    def say() -> None:
        log.info("request", **line, duration_ms=round((time.perf_counter() - started) * 1_000, 1))

    response.call_on_close(say)
    return response
