"""The grants: client credentials (RFC 6749 §4.4), and the exchange of a model's session JWT (RFC 8693)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias, cast

from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidRequestError,
    TokenEndpointMixin,
)
from authlib.oauth2.rfc6749 import grants as authlib_grants
from flask import g, request
from sqlalchemy import Engine

from gateway.oauth import jose
from gateway.oauth.clients import TOKEN_EXCHANGE, RegisteredClient
from gateway.oauth.faults import GrantNotHeld, SubjectRefused
from gateway.oauth.jose import CLOCK_SKEW_S, Claims, Untrusted
from gateway.oauth.resources import AUDIENCE, RESOURCE, check_resources
from partners.registry import issuers, jwks
from partners.vocabulary import AuthMethod, Reason

AUTH_METHODS = tuple(method.value for method in (AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.PRIVATE_KEY_JWT))
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - a type's name
JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"
LONGEST_SESSION_S = 600
LONGEST_EXCHANGED_S = 300


TokenAnswer: TypeAlias = tuple[int, dict[str, str | int], Collection[tuple[str, str]]]


@dataclass(frozen=True)
class Session:
    """A model's session at the platform."""

    model: str
    expires_at: float
    """Unix seconds."""

    def lifetime(self, now: float) -> int:
        """For how many seconds a token of this session lives from now (Unix seconds) on."""
        return min(LONGEST_EXCHANGED_S, int(self.expires_at - now))


class ClientCredentialsGrant(authlib_grants.ClientCredentialsGrant):
    """A client acts for itself. A model center's opens no card: the token names no model."""

    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def validate_token_request(self) -> None:
        """Authenticate the client, then see for whom the token is to be."""
        super().validate_token_request()
        check_resources(request.form.getlist(RESOURCE), self.server.issuer)


class TokenExchangeGrant(BaseGrant, TokenEndpointMixin):
    """A model center acts for the model whose session JWT it presents."""

    GRANT_TYPE = TOKEN_EXCHANGE
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def validate_token_request(self) -> None:
        """Authenticate the client, then read the session from `subject_token`."""
        client = cast("RegisteredClient", self.authenticate_token_endpoint_client())
        if not client.check_grant_type(self.GRANT_TYPE):
            raise GrantNotHeld(client)
        _check_what_is_wanted(self.server.issuer)
        self.request.user = _session(self.server.engine, self.server.issuer, client)

    def create_token_response(self) -> TokenAnswer:  # type: ignore[override]
        """Answer with a token that lives no longer than the session, and no refresh token."""
        token = self.generate_token(
            user=self.request.user, scope=request.form.get("scope"), include_refresh_token=False
        )
        answer = {**token, "issued_token_type": ACCESS_TOKEN_TYPE}
        self.server.save_token(answer, self.request)
        return 200, answer, self.TOKEN_RESPONSE_HEADER


def _check_what_is_wanted(issuer: str) -> None:
    form = request.form
    if form.get("subject_token_type") != JWT_TYPE or not form.get("subject_token"):
        raise InvalidRequestError(f"A subject_token of subject_token_type {JWT_TYPE} is needed.")
    if form.get("requested_token_type", ACCESS_TOKEN_TYPE) != ACCESS_TOKEN_TYPE:
        raise InvalidRequestError("Only access tokens are issued.")
    if "actor_token" in form or "actor_token_type" in form:
        raise InvalidRequestError("The acting party is the client itself; an actor_token is not taken.")
    check_resources([*form.getlist(RESOURCE), *form.getlist(AUDIENCE)], issuer)


def _session(engine: Engine, issuer: str, client: RegisteredClient) -> Session:
    try:
        parsed = jose.parse(request.form["subject_token"])
        session_issuer = parsed.unverified.text("iss")
        with engine.connect() as connection:
            keys = issuers.keys_for(connection, session_issuer, client=client.get_client_id())
        claims = parsed.verify(jwks.find(keys, parsed.kid), jwks.ISSUER_ALGORITHMS)
        session = _checked(parsed.type, claims, issuer=issuer, client_id=client.get_client_id())
    except Untrusted as error:
        raise SubjectRefused(
            Reason.INVALID_TOKEN,
            "The subject_token is not a live session JWT of an issuer registered for this client: it needs iss, sub, "
            "aud equal to this issuer, and exp at most 10 minutes ahead.",
        ) from error
    with engine.connect() as connection:
        if not issuers.knows_model(connection, session.model):
            raise SubjectRefused(Reason.UNKNOWN, "The subject_token names no registered model.")
    return session


def _checked(typ: str | None, claims: Claims, *, issuer: str, client_id: str) -> Session:
    now = g.received_at.timestamp()
    session = Session(claims.text("sub"), claims.time("exp"))
    in_time = now + 1 <= session.expires_at <= now + LONGEST_SESSION_S
    begun = all(claims.time(name) <= now + CLOCK_SKEW_S for name in ("iat", "nbf") if name in claims)
    party = claims.text("azp") if "azp" in claims else client_id
    actor = claims.nested("may_act").text("sub") if "may_act" in claims else client_id
    ours = typ in {None, "jwt"} and claims.text("aud") == issuer
    if not (ours and in_time and begun) or {party, actor} != {client_id}:
        raise Untrusted
    return session
