"""Answers to requests that never reached the application."""

from http import HTTPStatus

import orjson
from gunicorn.http import errors

from gateway.http.problems import MEDIA_TYPE
from gateway.serving.arrival import BodyTooLongError

STATUSES = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    BodyTooLongError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    TimeoutError: HTTPStatus.REQUEST_TIMEOUT,
}
"""By error; every other error of parsing is a 400: no input makes a 5xx."""


def status_of(error: BaseException) -> HTTPStatus:
    """The status that an error in reading a request has; 500 for one that is no fault of the caller."""
    for kind, status in STATUSES.items():
        if isinstance(error, kind):
            return status
    return HTTPStatus.BAD_REQUEST if isinstance(error, errors.ParseException) else HTTPStatus.INTERNAL_SERVER_ERROR


def refusal(status: HTTPStatus, request_id: str, issuer: str) -> bytes:
    """A whole response, whose body is a problem (RFC 9457), and which ends the connection."""
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
