"""What a client may do with a token it holds: revoke it (RFC 7009), and ask what it is good for (RFC 7662)."""

from typing import Any

from authlib.consts import default_json_headers
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request, TokenEndpoint
from flask import g, request

from gateway.oauth.clients import RegisteredClient
from gateway.oauth.faults import TokenOfAnother
from gateway.oauth.grants import METHODS
from gateway.oauth.guard import reason_against
from gateway.oauth.jose import Untrusted
from gateway.oauth.tokens import AccessToken, scope_text
from partners.registry import tokens
from partners.vocabulary import Outcome

TokenAnswer = tuple[int, dict[str, Any], list[tuple[str, str]]]


class _OwnTokenEndpoint(TokenEndpoint):
    def presented(self, client: RegisteredClient) -> AccessToken | None:
        """Return the token presented, if it is one of ours that has not expired; `token_type_hint` is not needed."""
        text = request.form.get("token")
        if not text:
            raise InvalidRequestError("A token is needed.")
        try:
            token: AccessToken = self.server.tokens.read(text, g.received_at)
        except Untrusted:
            return None
        if token.caller.client != client.get_client_id():
            return self.not_own()
        return token

    def not_own(self) -> AccessToken | None:
        """Say what a token of another client is worth."""
        raise NotImplementedError


class RevocationEndpoint(_OwnTokenEndpoint):
    """Makes an access token worthless from the very next request on."""

    ENDPOINT_NAME = "revocation"

    def create_endpoint_response(self, request: OAuth2Request) -> TokenAnswer:
        """Revoke; what is unknown, expired or no token at all is as good as revoked (RFC 7009 §2.2)."""
        client: RegisteredClient = self.server.authenticate_client(request, METHODS, self.ENDPOINT_NAME)
        token = self.presented(client)
        if token is not None:
            with self.server.engine.begin() as connection:
                tokens.deny_token(connection, token.caller.token, expires_at=token.expires_at, now=g.received_at)
        self.server.keep(client, Outcome.RELEASED if token else Outcome.EMPTY, status=200)
        return 200, {}, default_json_headers

    def not_own(self) -> AccessToken | None:
        """Refuse: a token found elsewhere is not to be killed by its finder."""
        raise TokenOfAnother


class IntrospectionEndpoint(_OwnTokenEndpoint):
    """Tells a client about its own tokens, and about nothing else."""

    ENDPOINT_NAME = "introspection"

    def create_endpoint_response(self, request: OAuth2Request) -> TokenAnswer:
        """Describe a token that would be accepted now; for all others say only that they are not active."""
        client: RegisteredClient = self.server.authenticate_client(request, METHODS, self.ENDPOINT_NAME)
        token = self.presented(client)
        active = token is not None and reason_against(token.caller, member_rows=False) is None
        self.server.keep(client, Outcome.RELEASED if active else Outcome.EMPTY, status=200)
        document = _description(token, self.server.issuer) if token is not None and active else {"active": False}
        return 200, document, default_json_headers

    def not_own(self) -> AccessToken | None:
        """Nothing."""
        return None


def _description(token: AccessToken, issuer: str) -> dict[str, Any]:
    caller = token.caller
    acting = {"act": {"sub": caller.client}} if caller.model is not None else {}
    return {
        "active": True,
        "iss": issuer,
        "aud": issuer,
        "sub": token.subject,
        "client_id": caller.client,
        "scope": scope_text(caller.scopes, caller.audience),
        "token_type": "Bearer",
        "jti": caller.token,
        "iat": token.issued_at,
        "exp": token.expires_at,
        **acting,
    }
