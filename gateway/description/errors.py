"""Everything that is not a good answer: the problem document, which statuses an operation has, and their headers."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from gateway.http.codes import FAULTS, PROBLEMS
from gateway.http.problems import MEDIA_TYPE
from gateway.oauth.guard import Guard

Document = dict[str, Any]

FAULT: Document = {
    "type": "object",
    "description": "One thing that is wrong with a request.",
    "properties": {
        "parameter": {"type": "string", "description": "The parameter it is about."},
        "pointer": {"type": "string", "description": "The place in the body it is about (RFC 6901)."},
        "code": {"type": "string", "enum": list(FAULTS)},
        "detail": {"type": "string", "description": "What would be right; values are never repeated."},
    },
    "required": ["code", "detail"],
    "additionalProperties": False,
}

PROBLEM: Document = {
    "type": "object",
    "description": "RFC 9457.",
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Leads to what the problem means."},
        "title": {"type": "string"},
        "status": {"type": "integer", "format": "int32", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "request_id": {"type": "string", "description": "As in `X-Request-Id` and in the access log."},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Fault"}},
        "available_from": {"type": "string", "format": "date-time", "description": "With `know-limit`."},
        "supervisory_authority": {
            "$ref": "#/components/schemas/SupervisoryAuthority",
            "description": "With `request-refused` and `know-limit`.",
        },
    },
    "required": ["type", "title", "status", "detail", "request_id", "errors"],
}

HEADERS: Mapping[str, Document] = {
    "X-Request-Id": {
        "description": "The request, as the access log names it.",
        "required": True,
        "schema": {"type": "string", "pattern": "^req_[0-9a-f]{32}$"},
    },
    "RateLimit-Policy": {
        "description": "The limit that this counts against, if any (draft-ietf-httpapi-ratelimit-headers).",
        "schema": {"type": "string", "examples": ['"members";q=600;w=60']},
    },
    "RateLimit": {
        "description": "What is left of the limit, and for how many seconds.",
        "schema": {"type": "string", "examples": ['"members";r=597;t=12']},
    },
    "Retry-After": {
        "description": "In how many seconds to ask again.",
        "required": True,
        "schema": {"type": "integer", "format": "int32", "minimum": 1},
    },
    "ETag": {"description": "A strong tag of the body; lines have none.", "schema": {"type": "string"}},
    "WWW-Authenticate": {
        "description": "A challenge with `realm` and `resource_metadata` (RFC 6750, RFC 9728): `Bearer`, or `DPoP` "
        "with `algs` where a token is bound to a key (RFC 9449).",
        "required": True,
        "schema": {"type": "string"},
    },
    "Log-Origin": {
        "description": "The name of the log; under another one its indexes mean something else.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Log-Size": {
        "description": "How many entries are sealed: the newest has the index below.",
        "required": True,
        "schema": {"type": "integer", "format": "int64", "minimum": 0},
    },
    "DPoP-Nonce": {
        "description": "For the next proof, where the gateway demands nonces (RFC 9449 §8).",
        "schema": {"type": "string"},
    },
    "Location": {
        "description": "Where it is.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    },
}

LIMITED = ("RateLimit-Policy", "RateLimit")
_HEADERS_OF = {
    **dict.fromkeys((HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT), LIMITED),
    **dict.fromkeys((HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE), LIMITED),
    **dict.fromkeys((HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.UNPROCESSABLE_ENTITY), LIMITED),
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate", "DPoP-Nonce"),
    HTTPStatus.FORBIDDEN: ("WWW-Authenticate",),
    HTTPStatus.TOO_MANY_REQUESTS: (*LIMITED, "Retry-After"),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}
_WITH_A_BODY = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)


def headers(*names: str) -> Document:
    """References to headers; the request id stands on everything."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *names)}


def errors_of(guard: Guard, *, names_something: bool, has_body: bool, can_conflict: bool) -> Document:
    """The responses an operation has besides the good ones."""
    statuses = [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN]
    statuses += [HTTPStatus.NOT_FOUND] if names_something else []
    statuses += [HTTPStatus.CONFLICT] if can_conflict else []
    statuses += _WITH_A_BODY if has_body else ()
    statuses += [HTTPStatus.UNPROCESSABLE_ENTITY]
    statuses += [HTTPStatus.TOO_MANY_REQUESTS] if guard.work is not None else []
    statuses += [HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE]
    return {str(int(status)): {"$ref": f"#/components/responses/{status.name}"} for status in sorted(statuses)}


def responses(issuer: str) -> Document:
    """Every problem there is, by the name of its status."""
    return {status.name: _response(issuer, status, problems) for status, problems in PROBLEMS.items()}


def _response(issuer: str, status: HTTPStatus, problems: Mapping[str, str]) -> Document:
    return {
        "description": "\n".join(f"- `{slug}`: {meaning}" for slug, meaning in problems.items()),
        "headers": headers(*_HEADERS_OF.get(status, ())),
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {slug: {"value": _example(issuer, status, slug)} for slug in problems},
            }
        },
    }


def _example(issuer: str, status: HTTPStatus, slug: str) -> Document:
    fault = {"parameter": "limit", "code": "invalid_value", "detail": "Must be at most 200."}
    return {
        "type": f"{issuer}/docs/problems#{slug}",
        "title": status.phrase,
        "status": int(status),
        "detail": PROBLEMS[status][slug],
        "request_id": "req_0198c0de5a7b7c1e8f00a1b2c3d4e5f6",
        "errors": [fault] if slug == "invalid-request" else [],
    }
