"""How clients prove who they are: by a secret over HTTP Basic, or by an assertion signed with their own key."""

import binascii
import re
from base64 import b64decode
from datetime import UTC, datetime
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request
from flask import g, request
from sqlalchemy import Engine

from gateway.oauth import jose
from gateway.oauth.address import caller_address
from gateway.oauth.clients import RegisteredClient
from gateway.oauth.faults import ClientRefused
from gateway.oauth.jose import CLOCK_SKEW_S, Claims, Untrusted
from partners.registry import client_use, credentials, jwks, secrets, tokens
from partners.registry.terms import Terms
from partners.secrets import digest_of
from partners.vocabulary import AuthMethod, Reason

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_TYPES = frozenset({None, "jwt", "client-authentication+jwt"})
OLDEST_ASSERTION_S = 300
LATEST_EXPIRY_S = 86_400
"""How far ahead `exp` may lie: libraries say a minute to an hour, and what says years was made to be kept."""
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class ClientAuthenticator:
    """Finds the client behind a request to an OAuth endpoint; raises `ClientRefused`."""

    def __init__(self, engine: Engine, issuer: str, terms: Terms) -> None:
        """Take the registry's database, the only audience assertions may name, and what partners must accept."""
        self._engine = engine
        self._terms = terms
        self._issuer = issuer

    def find(self, client_id: str) -> RegisteredClient | None:
        """Return a client by its id, whether or not it may act."""
        if not _CLIENT_ID.fullmatch(client_id):
            return None
        with self._engine.connect() as connection:
            found = credentials.registration(
                connection,
                client_id,
                address=caller_address(),
                now=g.received_at,
                binding_terms=self._terms.binding(g.received_at),
            )
        return RegisteredClient(found) if found is not None else None

    def find_active(self, client_id: str) -> RegisteredClient | None:
        """Return a client that nothing bars from having a token."""
        client = self.find(client_id)
        return client if client is not None and client.registration.barrier is None else None

    def by_secret(self, _query_client: object, _request: OAuth2Request) -> RegisteredClient | None:
        """Authenticate by `client_secret_basic` (RFC 6749 §2.3.1); nothing if the request does not try to."""
        header = request.headers.get("Authorization")
        if header is None:
            return None
        client_id, secret = _basic_credentials(header)
        if request.form.get("client_id", client_id) != client_id:
            raise InvalidRequestError("The body names another client than the Authorization header.")
        client = self.find(client_id)
        # Unknown clients cost the same comparison.
        known = secrets.matches(secret, client.registration.secret_digests if client else ())
        admitted = self._admitted(client, proved=known, method=AuthMethod.CLIENT_SECRET_BASIC)
        self._note_use(admitted, digest_of(secret))
        return admitted

    def by_assertion(self, _query_client: object, _request: OAuth2Request) -> RegisteredClient | None:
        """Authenticate by `private_key_jwt` (RFC 7523, FAPI 2.0 §5.3.2.1); nothing if the request does not try to."""
        assertion = request.form.get("client_assertion")
        if assertion is None:
            return None
        client: RegisteredClient | None = None
        try:
            parsed = jose.parse(assertion)
            client = self.find(parsed.unverified.text("sub"))
            key = jwks.find(client.registration.jwks, parsed.kid) if client else None
            claims = parsed.verify(key, jwks.CLIENT_ALGORITHMS)
            issued_at = self._check(parsed.type, claims)
        except Untrusted as error:
            raise ClientRefused(Reason.INVALID_TOKEN if client else Reason.UNKNOWN, client) from error
        admitted = self._admitted(client, proved=True, method=AuthMethod.PRIVATE_KEY_JWT)
        if not self._spend(admitted, claims.text("jti"), issued_at):
            raise ClientRefused(Reason.INVALID_TOKEN, admitted)
        self._note_use(admitted)
        return admitted

    def _check(self, typ: str | None, claims: Claims) -> float:
        now = g.received_at.timestamp()
        issued_at = claims.time("iat")
        in_time = now - OLDEST_ASSERTION_S <= issued_at <= now + CLOCK_SKEW_S
        lasting = now < claims.time("exp") <= now + LATEST_EXPIRY_S
        begun = "nbf" not in claims or claims.time("nbf") <= now + CLOCK_SKEW_S
        client_id = request.form.get("client_id", claims.text("sub"))
        same = claims.text("iss") == claims.text("sub") == client_id
        claims.text("jti")
        if (
            typ not in ASSERTION_TYPES
            or request.form.get("client_assertion_type") != ASSERTION_TYPE
            or claims.text("aud") != self._issuer
            or not (in_time and lasting and begun and same)
        ):
            raise Untrusted
        return issued_at

    def _spend(self, client: RegisteredClient, jti: str, issued_at: float) -> bool:
        """Note the use in the database, so that it outlives this process and parallel uses have one winner."""
        until = datetime.fromtimestamp(issued_at + OLDEST_ASSERTION_S + CLOCK_SKEW_S, UTC)
        with self._engine.begin() as connection:
            return tokens.spend_assertion(connection, client.get_client_id(), jti, expires_at=until, now=g.received_at)

    def _admitted(self, client: RegisteredClient | None, *, proved: bool, method: AuthMethod) -> RegisteredClient:
        if client is None:
            raise ClientRefused(Reason.UNKNOWN)
        known = client.registration
        if not proved or not client.check_endpoint_auth_method(method, "token"):
            raise ClientRefused(Reason.INVALID_TOKEN, client)
        if known.is_dormant:
            with self._engine.begin() as connection:
                client_use.lapse(connection, now=g.received_at, client_id=known.client)
        if known.barrier is not None:
            raise ClientRefused(known.barrier, client)
        return client

    def _note_use(self, client: RegisteredClient, digest: bytes | None = None) -> None:
        """Note the use where that tells more than what is noted: about once an hour."""
        known = client.registration
        if known.use_to_be_noted or digest in known.unnoted_digests:
            with self._engine.begin() as connection:
                client_use.note(connection, known.client, digest, now=g.received_at)


def presented_client() -> str:
    """The client that a request says it is, unproved and of any shape."""
    header = request.headers.get("Authorization")
    try:
        if header is not None:
            claimed, _ = _basic_credentials(header)
        else:
            claimed = jose.parse(request.form.get("client_assertion", "")).unverified.text("sub")
    except (ClientRefused, Untrusted):
        claimed = request.form.get("client_id", "")
    return claimed


def _basic_credentials(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        client_id, colon, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise ClientRefused(Reason.UNKNOWN) from error
    if scheme.lower() != "basic" or not colon:
        raise ClientRefused(Reason.UNKNOWN)
    return unquote_plus(client_id), unquote_plus(secret)
