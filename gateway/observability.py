"""What the server says about itself: one JSON line a request, one a failure, and never what a caller sent."""

import logging
import sys
import time
from functools import partial

import orjson
import structlog
from flask import Flask, Response, g, request

from gateway import metrics

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
        logger_factory=lambda *_: structlog.WriteLogger(_StandardError()),  # type: ignore[arg-type]  # of a file it needs no more
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    if not any(isinstance(handler, _Wordless) for handler in root.handlers):
        root.addHandler(_Wordless())


def register(app: Flask) -> None:
    """Log and count each request once its answer has been sent."""
    app.before_request(_start)
    app.after_request(partial(_tell_when_sent, metrics.register(app)))


class _StandardError:
    """Whatever is the standard error stream when something is written."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


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


def _tell_when_sent(figures: metrics.Metrics, response: Response) -> Response:
    method, rule, started = request.method, request.url_rule, g.started
    line = {
        "method": method if method in METHODS else "OTHER",
        "route": rule.rule if rule else None,
        "status": response.status_code,
        "request_id": g.request_id,
        "client": g.get("client"),
    }

    def tell() -> None:
        seconds = time.perf_counter() - started
        log.info("request", **line, duration_ms=round(seconds * 1_000, 1))
        figures.answered(line["route"] or "none", line["method"], line["status"], seconds)

    response.call_on_close(tell)
    return response
