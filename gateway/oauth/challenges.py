"""Refusals at the API: RFC 6750 challenges with problem documents, one text for each whatever the true reason."""

from http import HTTPStatus

from flask import current_app

from gateway.problems import Problem
from partners.vocabulary import Reason, Scope

REALM = "member-data-gateway"
METADATA_PATH = "/.well-known/oauth-protected-resource"


def no_token() -> Problem:
    """No credentials were sent: the challenge names no error (RFC 6750 §3.1, R26)."""
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        "An access token is needed: `Authorization: Bearer …`.",
        headers={"WWW-Authenticate": _challenge()},
    )


def invalid_token() -> Problem:
    """The token is not ours, expired, revoked, or its bearer may not act."""
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "invalid-token",
        "The access token is malformed, expired or revoked; get a new one.",
        headers={"WWW-Authenticate": _challenge('error="invalid_token"')},
    )


def insufficient_scope(scope: Scope) -> Problem:
    """The token is good, but not for this."""
    return Problem(
        HTTPStatus.FORBIDDEN,
        "insufficient-scope",
        f"This needs an access token with the scope {scope}, of the audience this path is for.",
        headers={"WWW-Authenticate": _challenge('error="insufficient_scope"', f'scope="{scope}"')},
    )


def refusal(reason: Reason, scope: Scope) -> Problem:
    """Answer for why `partners.standing` denied a caller."""
    return insufficient_scope(scope) if reason is Reason.INSUFFICIENT_SCOPE else invalid_token()


def _challenge(*more: str) -> str:
    metadata = f"{current_app.config['ISSUER']}{METADATA_PATH}"
    return "Bearer " + ", ".join((f'realm="{REALM}"', *more, f'resource_metadata="{metadata}"'))
