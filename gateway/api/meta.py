"""What machines ask that look after the gateway: whether it is up, and whether it can serve."""

from http import HTTPStatus

from flask import Blueprint, Response, g

from gateway.http.envelope import answer
from gateway.http.problems import RETRY_AFTER_S, Problem
from gateway.observability import metrics as figures
from gateway.readiness import lack_of
from gateway.runtime import runtime
from gateway.spooling import spooling
from partners.spool.spool import SpoolPolicy

_SPOOL = "the access log's spool cannot be written"
blueprint = Blueprint("meta", __name__)


@blueprint.get("/healthz")
def health() -> Response:
    """The process is up; the database is not asked."""
    return answer({"status": "ok"})


@blueprint.get("/readyz")
def readiness() -> Response:
    """The database can be reached and written, is fully migrated, and has room for the log; otherwise 503.

    A spool must be writable too where answers wait for it; where they do not, it is only told that it is not.
    """
    lack = lack_of(runtime().database.write.url, now=g.received_at)
    if lack is not None:
        raise _not_ready(lack)
    spooled = spooling()
    if spooled is None or spooled.is_writable():
        return answer({"status": "ready"})
    if spooled.policy is SpoolPolicy.ALL:
        raise _not_ready(_SPOOL)
    return answer({"status": "ready", "lacks": [_SPOOL]})


def _not_ready(lack: str) -> Problem:
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "not-ready",
        f"The gateway cannot serve: {lack}.",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


@blueprint.get("/metrics")
def metrics() -> Response:
    """Counts and durations for Prometheus, of all workers."""
    return figures.exposition(*(stored.text() for stored in runtime().stored_figures))
