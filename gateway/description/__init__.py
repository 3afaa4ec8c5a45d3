"""The API described in OpenAPI 3.1: made of the routes, their guards and the schemas, so that it cannot lie (§7)."""

import re
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask

from gateway.description import errors, events, fields, operations
from gateway.description.open_paths import OAUTH_ERROR, OPEN
from gateway.http.codes import SCOPES
from gateway.oauth.guard import Guard
from partners.vocabulary import Scope

VERSION = "1.0"
ABOUT = """What partners may receive about members, and what the platform and the auditors do with the gateway.

Every value stands under a disclosure policy: `x-disclosure` says when a field is shown and by which rule. What is
withheld is `null`, exactly as what was never set. Each answer is on record before it is given.

A client gets its access token at [`/oauth/token`](#/oauth/token) and sends it as `Authorization: Bearer …`;
one that is bound to a key as `Authorization: DPoP …`, with a fresh proof in `DPoP` each time (RFC 9449).

Errors are problem documents (RFC 9457); [their names](/docs/problems) are stable. A server in front of the API may also
answer 414, 417 and 431."""
_JWT = "It is a JWT (RFC 9068), checked as RFC8725 has it: algorithm, issuer, audience and type."
TAGS = {
    "webmaster": "Affiliates: the members they referred, purchases and statistics.",
    "model_center": "The studio's back end, for one logged-in model at a time.",
    "platform": "The site that owns the members: its feed, and their rights.",
    "auditor": "The security team: the access log.",
    "oauth": "Access tokens.",
    "operation": "For the machines that look after the gateway.",
}


def describe(app: Flask, issuer: str) -> dict[str, Any]:
    """Describe every guarded route of the application, and the open ones that are for machines."""
    plugin = MarshmallowPlugin(schema_name_resolver=fields.component_name)
    spec = APISpec(
        title="Member Data Gateway",
        version=VERSION,
        openapi_version="3.1.0",
        plugins=[plugin],
        info={"description": ABOUT},
        servers=[{"url": issuer, "x-internal": False}],
        tags=[{"name": name, "description": meaning} for name, meaning in TAGS.items()],
    )
    if plugin.converter is not None:
        fields.teach(plugin.converter)
    _add_components(spec, issuer)
    for path, described in OPEN.items():
        spec.path(path, operations=described)
    for path, described in _guarded(app).items():
        spec.path(path, operations=described)
    document: dict[str, Any] = spec.to_dict()
    _explain_parameters(document)
    return document


def path_of(rule: str) -> str:
    """A route as OpenAPI writes it."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def _guarded(app: Flask) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        view = app.view_functions[rule.endpoint]
        if isinstance(getattr(view, "guard", None), Guard):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                described = operations.operation_of(rule, method, view)
                found.setdefault(path_of(rule.rule), {})[method.lower()] = described
    return found


def _add_components(spec: APISpec, issuer: str) -> None:
    schemas = {"Problem": errors.PROBLEM, "Fault": errors.FAULT, "OAuthError": OAUTH_ERROR, "Event": events.event()}
    for name, schema in schemas.items():
        spec.components.schema(name, schema)
    for name, header in errors.HEADERS.items():
        spec.components.header(name, header)
    for name, response in errors.responses(issuer).items():
        spec.components.response(name, response)
    for name, scheme in _security_schemes(issuer).items():
        spec.components.security_scheme(name, scheme)


def _security_schemes(issuer: str) -> dict[str, dict[str, Any]]:
    scopes = {scope.value: f"{use.opens} ({use.held_by})" for scope, use in SCOPES.items()}
    flow = {"tokenUrl": f"{issuer}/oauth/token", "scopes": scopes}
    by_consent = {
        "authorizationUrl": f"{issuer}/oauth/authorize",
        "tokenUrl": f"{issuer}/oauth/token",
        "refreshUrl": f"{issuer}/oauth/token",
        "scopes": {Scope.STATS_READ.value: scopes[Scope.STATS_READ]},
    }
    return {
        "clientCredentials": {
            "type": "oauth2",
            "description": f"An access token for the client itself. {_JWT}",
            "flows": {"clientCredentials": flow},
        },
        "authorizationCode": {
            "type": "oauth2",
            "description": f"A tracker's tool, by a webmaster's consent; PKCE with S256 is required. {_JWT}",
            "flows": {"authorizationCode": by_consent},
        },
        "accessToken": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token however it was got; for cards by token exchange (RFC 8693). "
            f"Bound to a key, it goes by the scheme `DPoP` with a proof (RFC 9449). {_JWT}",
        },
        "clientSecret": {"type": "http", "scheme": "basic", "description": "A client's id and secret (RFC 6749 §2.3)."},
    }


def _explain_parameters(document: dict[str, Any]) -> None:
    """Say what a parameter means where its schema does not."""
    for operations_of in document["paths"].values():
        for operation in operations_of.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "query" and (meaning := fields.MEANINGS.get(parameter["name"])):
                    known = parameter.get("description")
                    parameter["description"] = f"{meaning} {known}" if known == fields.CHOICE else known or meaning
