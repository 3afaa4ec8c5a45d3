"""Operations without a guard: OAuth (RFC 6749 and its extensions), what machines ask, and this description itself."""

from collections.abc import Mapping

from gateway.description.errors import LIMITED, Document, headers
from gateway.http.envelope import JSON
from gateway.oauth.authentication import ASSERTION_TYPE
from gateway.oauth.authorization import DPOP_KEY, LONGEST_STATE, S256
from gateway.oauth.clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, CODE, REFRESH_TOKEN, TOKEN_EXCHANGE
from gateway.oauth.dpop import ALGORITHMS, HEADER, NONCE_HEADER
from gateway.oauth.forms import FORM
from gateway.oauth.grants import ACCESS_TOKEN_TYPE, JWT_TYPE
from gateway.oauth.jose import LONGEST_TOKEN
from gateway.oauth.tokens import BEARER, DPOP
from partners.registry.jwks import CLIENT_ALGORITHMS

_TEXT: Document = {"type": "string"}
_TEXTS: Document = {"type": "array", "items": _TEXT}
_NUMBER: Document = {"type": "integer", "format": "int64"}
_RESOURCE: Document = {
    "type": "array",
    "items": {"type": "string", "format": "uri"},
    "description": "For whom the token is to be (RFC 8707): this gateway, by its issuer. May be repeated.",
}
_PROOF: Document = {
    "name": HEADER,
    "in": "header",
    "description": f"A proof of the key that the token is to be bound to (RFC 9449), by {', '.join(ALGORITHMS)}.",
    "schema": {"type": "string", "maxLength": LONGEST_TOKEN},
}
_ALGORITHMS = ", ".join(sorted(CLIENT_ALGORITHMS))


def _object(required: Mapping[str, Document], optional: Mapping[str, Document] | None = None) -> Document:
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


_BY_ASSERTION: Mapping[str, Document] = {
    "client_assertion_type": {"const": ASSERTION_TYPE},
    "client_assertion": {"type": "string", "description": f"A JWT signed by {_ALGORITHMS}; each `jti` once."},
    "client_id": _TEXT,
}
_GRANTS = (CLIENT_CREDENTIALS, TOKEN_EXCHANGE, AUTHORIZATION_CODE, REFRESH_TOKEN)
_TOKEN_REQUEST = _object(
    {"grant_type": {"type": "string", "enum": list(_GRANTS)}},
    {
        "scope": {"type": "string", "description": "Blank-separated; without it all registered but the sensitive one."},
        "subject_token": {"type": "string", "description": "For token exchange: the model's session JWT."},
        "subject_token_type": {"const": JWT_TYPE},
        "code": {"type": "string", "description": "For authorization_code: 60 seconds old at most, and used once."},
        "redirect_uri": {"type": "string", "description": "For authorization_code: as it was asked with."},
        "code_verifier": {"type": "string", "description": "For authorization_code: PKCE (RFC 7636)."},
        "refresh_token": {"type": "string", "description": "For refresh_token: the newest one."},
        "resource": _RESOURCE,
        **_BY_ASSERTION,
    },
)
_TOKEN = _object(
    {
        "access_token": _TEXT,
        "token_type": {"type": "string", "enum": [BEARER, DPOP]},
        "expires_in": {"type": "integer", "format": "int32", "description": "Seconds."},
        "scope": _TEXT,
    },
    {
        "issued_token_type": {"const": ACCESS_TOKEN_TYPE},
        "refresh_token": {"type": "string", "description": "For trackers; each use brings a new one."},
    },
)
_PUSHED = _object(
    {
        "response_type": {"const": CODE},
        "redirect_uri": {"type": "string", "description": "One that is registered, byte by byte."},
        "code_challenge": {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"},
        "code_challenge_method": {"const": S256},
    },
    {
        "state": {"type": "string", "maxLength": LONGEST_STATE},
        "scope": _TEXT,
        "resource": _RESOURCE,
        DPOP_KEY: {
            "type": "string",
            "pattern": "^[A-Za-z0-9_-]{43}$",
            "description": "The thumbprint (RFC 7638) of the only key that the token may be bound to (RFC 9449 §10).",
        },
        **_BY_ASSERTION,
    },
)
_KEPT = _object({"request_uri": _TEXT, "expires_in": {"type": "integer", "format": "int32", "description": "Seconds."}})
_PRESENTED = _object({"token": _TEXT}, {"token_type_hint": _TEXT, **_BY_ASSERTION})
_INTROSPECTED = _object(
    {"active": {"type": "boolean"}},
    dict.fromkeys(("iss", "aud", "sub", "client_id", "scope", "token_type", "jti"), _TEXT)
    | {"iat": _NUMBER, "exp": _NUMBER, "act": _object({"sub": _TEXT}), "cnf": _object({"jkt": _TEXT})},
)
_JWKS = _object({"keys": {"type": "array", "items": {"type": "object"}}})
_SERVER_METADATA = _object({"issuer": _TEXT, "jwks_uri": _TEXT, "token_endpoint": _TEXT, "scopes_supported": _TEXTS})
_RESOURCE_METADATA = _object(
    {
        "resource": _TEXT,
        "authorization_servers": _TEXTS,
        "scopes_supported": _TEXTS,
        "dpop_signing_alg_values_supported": _TEXTS,
        "dpop_bound_access_tokens_required": {"type": "boolean"},
    }
)
_STATUS = _object({"status": _TEXT})
_READINESS = _object({"status": _TEXT}, {"lacks": _TEXTS})

OAUTH_ERROR = _object(
    {"error": {"type": "string", "examples": ["invalid_client"]}}, {"error_description": {"type": "string"}}
)
_TO_CLIENTS = "For clients that prove who they are. "
_TO_ALL = "Open to everybody; nothing about members is in it. Not limited."
_FAILED: Document = {"500": {"$ref": "#/components/responses/INTERNAL_SERVER_ERROR"}}
_BEFORE_LIMITS = ("401", "503")
"""What is answered before, or instead of, counting the request."""
_REFUSALS: Mapping[str, str] = {
    "400": "The request is malformed or asks for what this client may not have.",
    "401": "The client did not prove who it is, or is suspended.",
    "408": "The body did not arrive in time.",
    "413": "The body is too large.",
    "429": "Too many attempts.",
    "503": "Nothing was issued; try again.",
}


def _get(name: str, summary: str, schema: Document, *, tag: str = "operation", media_type: str = JSON) -> Document:
    good = {"description": "OK", "headers": headers(), "content": {media_type: {"schema": schema}}}
    described = {"operationId": name, "tags": [tag], "summary": summary, "description": _TO_ALL, "security": []}
    return {"get": {**described, "responses": {"200": good, **_FAILED}}}


def _post(name: str, summary: str, body: Document, schema: Document, *, binds: bool, status: str = "200") -> Document:
    """`binds` says whether what is issued may be bound to a key; each such request counts, of others the failures."""
    good: Document = {
        "description": "OK" if status == "200" else "Created",
        "headers": headers(*LIMITED, *((NONCE_HEADER,) if binds else ())),
        "content": {JSON: {"schema": schema}},
    }
    return {
        "post": {
            "operationId": name,
            "tags": ["oauth"],
            "summary": summary,
            "description": _TO_CLIENTS + ("Counts" if binds else "A failure to authenticate counts") + " as `token`.",
            "security": [{"clientSecret": []}, {}],
            **({"parameters": [_PROOF]} if binds else {}),
            "requestBody": {"required": True, "content": {FORM: {"schema": body}}},
            "responses": {
                status: good,
                **{refusal: _refusal(refusal, binds=binds) for refusal in _REFUSALS},
                **_FAILED,
            },
        }
    }


def _refusal(status: str, *, binds: bool) -> Document:
    own: Mapping[str, tuple[str, ...]] = {
        "429": ("Retry-After",),
        "503": ("Retry-After",),
        "401": ("WWW-Authenticate",),
    }
    wears = own.get(status, ())
    wears += LIMITED if status not in _BEFORE_LIMITS else ()
    wears += (NONCE_HEADER,) if binds and status == "400" else ()
    return {
        "description": _REFUSALS[status],
        "headers": headers(*wears),
        "content": {JSON: {"schema": {"$ref": "#/components/schemas/OAuthError"}}},
    }


_READY = _get("readiness", "Whether the gateway can serve.", _READINESS)
_READY["get"]["responses"]["503"] = {"$ref": "#/components/responses/SERVICE_UNAVAILABLE"}
_DESCRIPTION = _get("description", "This description.", {"type": "object"})
_DESCRIPTION["get"]["responses"]["304"] = {"description": "As it was.", "headers": headers("ETag")}

OPEN: Mapping[str, Document] = {
    "/oauth/token": _post("token", "Get an access token (RFC 6749, RFC 8693).", _TOKEN_REQUEST, _TOKEN, binds=True),
    "/oauth/par": _post(
        "par",
        "Push an authorization request (RFC 9126); the browser then brings its `request_uri` to `/oauth/authorize`.",
        _PUSHED,
        _KEPT,
        binds=True,
        status="201",
    ),
    "/oauth/revoke": _post(
        "revoke",
        "Revoke a token; a refresh token takes its family with it (RFC 7009).",
        _PRESENTED,
        {"type": "object"},
        binds=False,
    ),
    "/oauth/introspect": _post(
        "introspect", "Ask about a token of one's own (RFC 7662).", _PRESENTED, _INTROSPECTED, binds=False
    ),
    "/oauth/jwks": _get("jwks", "The keys that verify access tokens (RFC 7517).", _JWKS, tag="oauth"),
    "/.well-known/oauth-authorization-server": _get(
        "authorization_server_metadata", "The authorization server (RFC 8414).", _SERVER_METADATA, tag="oauth"
    ),
    "/.well-known/oauth-protected-resource": _get(
        "protected_resource_metadata", "The API as a protected resource (RFC 9728).", _RESOURCE_METADATA, tag="oauth"
    ),
    "/healthz": _get("health", "Whether the process is up.", _STATUS),
    "/readyz": _READY,
    "/metrics": _get("metrics", "Counts and durations, for Prometheus.", _TEXT, media_type="text/plain"),
    "/v1/openapi.json": _DESCRIPTION,
}
"""By path: what is described beside the guarded routes."""
