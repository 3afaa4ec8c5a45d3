"""What a client may do with a token it holds: revoke it (RFC 7009), and ask what it is good for (RFC 7662)."""

from typing import Any

from authlib.consts import default_json_headers
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request, TokenEndpoint
from flask import g, request

from gateway.oauth.clients import RegisteredClient
from gateway.oauth.faults import TokenOfAnother
from gateway.oauth.grants import AUTH_METHODS
from gateway.oauth.guard import reason_against
from gateway.oauth.jose import Untrusted
from gateway.oauth.tokens import AccessToken, scope_text
from partners.consents import ending, families, refresh
from partners.consents.ending import EndedBy
from partners.consents.families import Family
from partners.consents.refresh import Held
from partners.registry import terms, tokens
from partners.vocabulary import Outcome

EndpointAnswer = tuple[int, dict[str, Any], list[tuple[str, str]]]


class _OwnTokenEndpoint(TokenEndpoint):
    def presented(self, client: RegisteredClient) -> AccessToken | Held | None:
        """Return the token presented, if it is one of ours; `token_type_hint` is not needed."""
        text = request.form.get("token")
        if not text:
            raise InvalidRequestError("A token is needed.")
        found = self._refresh_token(text) if text.startswith(refresh.TOKEN_PREFIX) else self._access_token(text)
        owner = found.caller.client if isinstance(found, AccessToken) else found and found.client
        if found is not None and owner != client.get_client_id():
            self.refuse_anothers()
            return None
        return found

    def refuse_anothers(self) -> None:
        """Say what a token of another client is worth."""
        raise NotImplementedError

    def _access_token(self, text: str) -> AccessToken | None:
        try:
            return self.read(text)
        except Untrusted:
            return None

    def read(self, text: str) -> AccessToken:
        """Return an access token that counts here; raise `Untrusted`."""
        token: AccessToken = self.server.tokens.read(text, g.received_at)
        return token

    def _refresh_token(self, text: str) -> Held | None:
        with self.server.engine.connect() as connection:
            return refresh.find(connection, text)


class RevocationEndpoint(_OwnTokenEndpoint):
    """Makes a token worthless from the very next request on; a refresh token takes its family with it."""

    ENDPOINT_NAME = "revocation"

    def create_endpoint_response(self, request: OAuth2Request) -> EndpointAnswer:
        """Revoke; what is unknown, expired or no token at all is as good as revoked (RFC 7009 §2.2)."""
        client: RegisteredClient = self.server.authenticate_client(request, AUTH_METHODS, self.ENDPOINT_NAME)
        token = self.presented(client)
        with self.server.engine.begin() as connection:
            if isinstance(token, AccessToken):
                tokens.deny_token(connection, token.caller.token, expires_at=token.expires_at, now=g.received_at)
            elif token is not None:
                ending.end(connection, token.family, EndedBy.REVOCATION)
            outcome = Outcome.RELEASED if token else Outcome.EMPTY
            self.server.keep(client, outcome, status=200, connection=connection)
        return 200, {}, default_json_headers

    def refuse_anothers(self) -> None:
        """Refuse: a token found elsewhere is not to be killed by its finder."""
        raise TokenOfAnother

    def read(self, text: str) -> AccessToken:
        """One from a clock ahead of this one's too: elsewhere it is good already, and here it will be."""
        token: AccessToken = self.server.tokens.unexpired(text, g.received_at)
        return token


class IntrospectionEndpoint(_OwnTokenEndpoint):
    """Tells a client about its own tokens, and about nothing else."""

    ENDPOINT_NAME = "introspection"

    def create_endpoint_response(self, request: OAuth2Request) -> EndpointAnswer:
        """Describe a token that would be accepted now; for all others say only that they are not active."""
        client: RegisteredClient = self.server.authenticate_client(request, AUTH_METHODS, self.ENDPOINT_NAME)
        token = self.presented(client)
        told = self._told(token) if token is not None else None
        self.server.keep(client, Outcome.RELEASED if told else Outcome.EMPTY, status=200)
        return 200, told or {"active": False}, default_json_headers

    def refuse_anothers(self) -> None:
        """Nothing: it is as unknown as any other."""

    def _told(self, token: AccessToken | Held) -> dict[str, Any] | None:
        if isinstance(token, AccessToken):
            active = reason_against(token.caller, member_rows=False) is None
            return _description(token, self.server.issuer) if active else None
        with self.server.engine.connect() as connection:
            family = families.get(connection, token.family, now=g.received_at)
            accepted = terms.are_accepted(connection, family.partner, self.server.terms.binding(g.received_at))
            active = accepted and family.is_alive and refresh.is_current(connection, token)
        return _description_of_refresh_token(family, self.server.issuer) if active else None


def _description(token: AccessToken, issuer: str) -> dict[str, Any]:
    caller = token.caller
    acting = {"act": {"sub": caller.client}} if caller.model is not None else {}
    bound = {"cnf": {"jkt": token.thumbprint}} if token.thumbprint is not None else {}
    return {
        "active": True,
        "iss": issuer,
        "aud": issuer,
        "sub": token.subject,
        "client_id": caller.client,
        "scope": scope_text(caller.scopes, caller.audience),
        "token_type": token.type,
        "jti": caller.token,
        "iat": token.issued_at,
        "exp": token.expires_at,
        **acting,
        **bound,
    }


def _description_of_refresh_token(family: Family, issuer: str) -> dict[str, Any]:
    return {
        "active": True,
        "iss": issuer,
        "sub": family.partner,
        "client_id": family.client,
        "scope": " ".join(family.scopes),
        "exp": int(family.expires_at.timestamp()),
    }
