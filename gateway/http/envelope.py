"""What every answer wears: a request id, safe headers, and for data a strong ETag."""

import hashlib
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from http import HTTPStatus
from wsgiref.types import WSGIEnvironment

from flask import Flask, Response, g, request
from werkzeug.datastructures import Headers

from partners.access_log.identifiers import REQUEST_PREFIX, new_id, public
from serializers.wire import json_of

JSON = "application/json"


def register(app: Flask) -> None:
    """Give each request its id and clock, and each response its headers."""
    app.before_request(_open)
    app.after_request(_close)


def _open() -> None:
    g.received_at = now = datetime.now(UTC)
    g.request_id = public(REQUEST_PREFIX, new_id(now))


def _close(response: Response) -> Response:
    headers = response.headers
    headers.add("X-Request-Id", g.request_id)
    headers.add("X-Content-Type-Options", "nosniff")
    if "Cache-Control" not in headers:
        headers.add("Cache-Control", "no-store")
    return response


class Whole(Response):
    """An answer that is complete when it is made: its headers are sent as they are, and not copied and mended first."""

    def __init__(self, body: bytes, status: int, headers: list[tuple[str, str]]) -> None:
        """Take the body and all headers but its length."""
        super().__init__(body, status, [*headers, ("Content-Length", str(len(body)))])

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """Return the headers; a 304 goes without those that speak of a body."""
        return self.headers if self.status_code == HTTPStatus.OK else super().get_wsgi_headers(environ)


def answer(document: object, status: int = 200) -> Response:
    """A JSON answer that no cache may keep."""
    return Response(json_of(document), status, content_type=JSON)


def data(document: object) -> Response:
    """Released data: to be revalidated each time, with a strong ETag over the filtered body (contract §7)."""
    body = json_of(document)
    tag = urlsafe_b64encode(hashlib.sha256(body).digest()[:18]).decode()
    headers = [("Content-Type", JSON), ("Cache-Control", "private, no-cache"), ("ETag", f'"{tag}"')]
    response = Whole(body, HTTPStatus.OK, headers)
    if "If-None-Match" in request.headers:
        # What is left out here was already recorded as released: the record may say more than was sent, never less.
        response.make_conditional(request)
    return response
