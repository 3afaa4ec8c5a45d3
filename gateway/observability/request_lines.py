"""What the server says about itself: one JSON line a request, one a failure, and never what a caller sent."""

import time
from functools import partial

import structlog
from flask import Flask, Response, g, request

from gateway.observability import metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""A method is a caller's word too: any other is written as `OTHER`."""
log = structlog.get_logger(__name__)


def register(app: Flask) -> None:
    """Log and count each request once its answer has been sent."""
    app.before_request(_start)
    app.after_request(partial(_tell_when_sent, metrics.register(app)))


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
