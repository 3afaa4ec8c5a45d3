"""Refusals at the API: challenges (RFC 6750, RFC 9449) with problem documents, one text whatever the true reason."""

from http import HTTPStatus

from flask import current_app, request

from gateway.http.problems import Problem
from gateway.oauth.dpop import ALGORITHMS
from gateway.oauth.tokens import BEARER, DPOP, access_tokens
from gateway.oauth.uris import well_known
from partners.vocabulary import Reason, Scope

REALM = "member-data-gateway"
METADATA_PATH = "/.well-known/oauth-protected-resource"


def no_token() -> Problem:
    """No credentials were sent: the challenge names no error (RFC 6750 §3.1, R26)."""
    scheme = DPOP if access_tokens().bound_only else BEARER
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        f"An access token is needed: `Authorization: {scheme} …`.",
        headers={"WWW-Authenticate": _challenge(scheme=scheme)},
    )


def invalid_token() -> Problem:
    """The token is not ours, expired, revoked, or its bearer may not act."""
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "invalid-token",
        "The access token is malformed, expired or revoked; get a new one.",
        headers={"WWW-Authenticate": _challenge('error="invalid_token"')},
    )


def wrong_scheme(right: str) -> Problem:
    """The token is good, but not for whoever presents it so (RFC 9449 §7.1, §7.2)."""
    wanted = {
        BEARER: "The access token is bound to no key: present it as `Authorization: Bearer …`.",
        DPOP: "The access token is bound to a key: present it as `Authorization: DPoP …`, with a proof in `DPoP`.",
    }
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "invalid-token",
        wanted[right],
        headers={"WWW-Authenticate": _challenge('error="invalid_token"', scheme=DPOP)},
    )


def key_of_another() -> Problem:
    """The proof is good, but of another key than the token is bound to (RFC 9449 §7.1)."""
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "invalid-token",
        "The access token is bound to another key than the one that signed the proof.",
        headers={"WWW-Authenticate": _challenge('error="invalid_token"')},
    )


def invalid_dpop_proof(detail: str) -> Problem:
    """The DPoP proof is missing or no good (RFC 9449 §7.1)."""
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "invalid-dpop-proof",
        detail,
        headers={"WWW-Authenticate": _challenge('error="invalid_dpop_proof"')},
    )


def use_dpop_nonce(detail: str) -> Problem:
    """The DPoP proof needs the nonce that the answer brings along (RFC 9449 §9)."""
    return Problem(
        HTTPStatus.UNAUTHORIZED,
        "use-dpop-nonce",
        detail,
        headers={"WWW-Authenticate": _challenge('error="use_dpop_nonce"')},
    )


def insufficient_scope(*scopes: Scope) -> Problem:
    """The token is good, but not for this, which needs all of these scopes."""
    needed = f"the scope {scopes[0]}" if len(scopes) == 1 else f"the scopes {' and '.join(scopes)}"
    return Problem(
        HTTPStatus.FORBIDDEN,
        "insufficient-scope",
        f"This needs an access token with {needed}, of the audience this path is for.",
        headers={"WWW-Authenticate": _challenge('error="insufficient_scope"', f'scope="{" ".join(scopes)}"')},
    )


def no_model() -> Problem:
    """The token is a model center's own, and no scope makes it a model's."""
    return Problem(
        HTTPStatus.FORBIDDEN,
        "insufficient-scope",
        "This needs a token for a model: exchange her session (RFC 8693).",
        headers={"WWW-Authenticate": _challenge('error="insufficient_scope"')},
    )


def refusal(reason: Reason, *scopes: Scope) -> Problem:
    """Answer for why `partners.standing` denied a caller who needs these scopes."""
    return insufficient_scope(*scopes) if reason is Reason.INSUFFICIENT_SCOPE else invalid_token()


def _challenge(*more: str, scheme: str | None = None) -> str:
    """A challenge of the scheme that the request used, unless it is to be told another."""
    used = request.headers.get("Authorization", "").partition(" ")[0]
    scheme = scheme or (DPOP if used.lower() == DPOP.lower() else BEARER)
    algorithms = (f'algs="{" ".join(ALGORITHMS)}"',) if scheme == DPOP else ()
    metadata = well_known(current_app.config["ISSUER"], METADATA_PATH)
    return f"{scheme} " + ", ".join((f'realm="{REALM}"', *more, *algorithms, f'resource_metadata="{metadata}"'))
