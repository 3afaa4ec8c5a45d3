"""What a partner's software can discover by itself: only what exists is advertised."""

from typing import Any

from gateway.oauth.authorization import S256
from gateway.oauth.clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, CODE, REFRESH_TOKEN, TOKEN_EXCHANGE
from gateway.oauth.dpop import ALGORITHMS
from gateway.oauth.grants import AUTH_METHODS
from partners.registry.jwks import CLIENT_ALGORITHMS
from partners.vocabulary import Scope

SCOPES = [scope.value for scope in Scope]


def authorization_server(issuer: str, *, pushed_only: bool) -> dict[str, Any]:
    """The authorization server's metadata (RFC 8414); `pushed_only` says whether requests have to be pushed."""
    document: dict[str, Any] = {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/oauth/jwks",
        "scopes_supported": SCOPES,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth/par",
        "require_pushed_authorization_requests": pushed_only,
        "authorization_response_iss_parameter_supported": True,
        "response_types_supported": [CODE],
        "response_modes_supported": ["query"],
        "code_challenge_methods_supported": [S256],
        "grant_types_supported": [CLIENT_CREDENTIALS, TOKEN_EXCHANGE, AUTHORIZATION_CODE, REFRESH_TOKEN],
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "service_documentation": f"{issuer}/docs",
    }
    for name, path in (("token", "token"), ("revocation", "revoke"), ("introspection", "introspect")):
        document[f"{name}_endpoint"] = f"{issuer}/oauth/{path}"
        document[f"{name}_endpoint_auth_methods_supported"] = list(AUTH_METHODS)
        document[f"{name}_endpoint_auth_signing_alg_values_supported"] = sorted(CLIENT_ALGORITHMS)
    return document


def protected_resource(issuer: str, *, bound_only: bool) -> dict[str, Any]:
    """The API's metadata (RFC 9728): the gateway is its own authorization server.

    `bound_only` says whether every token must be bound to a key; single clients may have to have theirs bound besides.
    """
    return {
        "resource": issuer,
        "authorization_servers": [issuer],
        "scopes_supported": SCOPES,
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "dpop_bound_access_tokens_required": bound_only,
        "tls_client_certificate_bound_access_tokens": False,
        "resource_name": "Member Data Gateway",
        "resource_documentation": f"{issuer}/docs",
    }
