"""Reading JSON bodies: of a known media type, of limited size, and well-formed by RFC 8259 to the letter."""

from http import HTTPStatus

import orjson
from flask import Request

from gateway.http.bodies import whole_body
from gateway.http.envelope import JSON
from gateway.http.problems import Problem

MERGE_PATCH = "application/merge-patch+json"
IDENTITY = "identity"
LARGEST_BODY = 128 * 1024
"""Bytes: a hundred usernames, escaped throughout, are 77,000."""
_ACCEPTED = {"PATCH": (MERGE_PATCH, JSON)}


def require_plain(request: Request) -> None:
    """Raise a problem with 415 for a body that is compressed."""
    if request.headers.get("Content-Encoding", IDENTITY).lower() != IDENTITY:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "The body must not be compressed.",
            headers={"Accept-Encoding": IDENTITY},
        )


def json_body(request: Request) -> object:
    """Return the parsed body; raise a problem with 400, 413 or 415 (RFC 5789 has `Accept-Patch` go with the latter)."""
    accepted = _ACCEPTED.get(request.method, (JSON,))
    if request.mimetype not in accepted:
        listed = ", ".join(accepted)
        header = "Accept-Patch" if request.method == "PATCH" else "Accept"
        detail = f"The body must be of type {' or '.join(accepted)}."
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail, headers={header: listed})
    require_plain(request)
    try:
        document: object = orjson.loads(whole_body(request, LARGEST_BODY))
    except orjson.JSONDecodeError:
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid-json", "The body is not valid JSON.") from None
    return document
