"""Errors as answers: RFC 9457 problem documents, all faults at once, and never a stored value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from traceback import extract_tb
from typing import Any

import orjson
from flask import Flask, Response, current_app, g
from psycopg import Error as DriverError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from structlog import get_logger
from werkzeug.exceptions import HTTPException

from gateway.observability import metrics
from gateway.wording import kind_of
from partners.access_log.tree import BrokenTreeError
from partners.rights.journal import JournalError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 5
DATABASE_TROUBLE = (DBAPIError, DriverError, PoolTimeoutError)
"""What the database, or the way to it, may fail with."""
log = get_logger(__name__)


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a request: where, a stable code, and what would be right."""

    code: str
    detail: str
    parameter: str | None = None
    pointer: str | None = None

    def document(self) -> dict[str, str]:
        """The fault as a member of `errors`."""
        place = {"parameter": self.parameter, "pointer": self.pointer}
        return {name: value for name, value in place.items() if value is not None} | {
            "code": self.code,
            "detail": self.detail,
        }


class Problem(Exception):
    """An answer other than the one asked for."""

    def __init__(
        self,
        status: HTTPStatus,
        slug: str,
        detail: str,
        *,
        errors: tuple[Fault, ...] = (),
        headers: dict[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Take the public text; nothing of what is stored belongs in it."""
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}
        self.more = more or {}

    def response(self) -> Response:
        """The problem document."""
        document = {
            "type": f"{current_app.config['ISSUER']}/docs/problems#{self.slug}",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.detail,
            "request_id": g.request_id,
            "errors": [fault.document() for fault in self.errors],
            **self.more,
        }
        return Response(orjson.dumps(document), int(self.status), {**self.headers, "Content-Type": MEDIA_TYPE})


def not_found() -> Problem:
    """The one 404: unknown, withheld and somebody else's look alike (R61)."""
    return Problem(HTTPStatus.NOT_FOUND, "not-found", "There is nothing here for you.")


def invalid_request(*errors: Fault) -> Problem:
    """A request that was understood but cannot be answered as asked."""
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid-request",
        "The request has faults; `errors` names each of them.",
        errors=errors,
    )


def too_many_requests(seconds: int) -> Problem:
    """The client asked more often than it may."""
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too-many-requests",
        "More requests than this client may make; `Retry-After` says when there is room again.",
        headers={"Retry-After": str(seconds)},
    )


def unavailable() -> Problem:
    """Nothing can be released now, because nothing can be recorded."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "unavailable",
        "The gateway cannot answer at the moment; nothing was released.",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def audit_unavailable() -> Problem:
    """Nothing is released now, because the access log's spool has no record of it."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "audit-unavailable",
        "The gateway cannot answer at the moment; nothing was released.",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def register(app: Flask) -> None:
    """Answer every exception with a problem document."""
    app.register_error_handler(Problem, lambda problem: problem.response())
    app.register_error_handler(HTTPException, of_http_exception)
    for kind, answered in _UNAVAILABLE.items():
        app.register_error_handler(kind, answered)
    app.register_error_handler(Exception, _unexpected)


def status_of(error: Exception) -> int:
    """The status that an exception is answered with."""
    if isinstance(error, Problem):
        return error.status
    if isinstance(error, HTTPException):
        return error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if isinstance(error, tuple(_UNAVAILABLE)):
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.INTERNAL_SERVER_ERROR


def of_http_exception(error: HTTPException) -> Response:
    """Answer what Werkzeug refuses with a problem document."""
    status = HTTPStatus(status_of(error))
    if status is HTTPStatus.NOT_FOUND:
        return not_found().response()
    kept = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After"}}
    slug = status.phrase.lower().replace(" ", "-")
    return Problem(status, slug, f"{status.phrase}.", headers=kept).response()


def _database_error(error: Exception) -> Response:
    # The driver's message can quote values; its class cannot.
    log.error("database_error", error=kind_of(error), request_id=g.request_id)
    metrics.database_failed()
    return unavailable().response()


def _broken_tree(_error: Exception) -> Response:
    log.error("sealed_log_broken", request_id=g.request_id)
    return unavailable().response()


def _journal_silent(_error: Exception) -> Response:
    """What a restore could undo is not done: no journal, no change (R41)."""
    log.error("rights_journal_silent", request_id=g.request_id)
    return unavailable().response()


_UNAVAILABLE: Mapping[type[Exception], Callable[[Any], Response]] = {
    **dict.fromkeys(DATABASE_TROUBLE, _database_error),
    BrokenTreeError: _broken_tree,
    JournalError: _journal_silent,
}
"""What may be over soon."""


def _unexpected(error: Exception) -> Response:
    log.error("unexpected_error", error=type(error).__name__, request_id=g.request_id, at=_where(error))
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal-error", "The gateway failed to answer; nothing was released."
    ).response()


def _where(error: Exception) -> list[str]:
    """The way to the failure, innermost last: what a developer needs, without the values a message may quote."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in extract_tb(error.__traceback__)[-5:]]
