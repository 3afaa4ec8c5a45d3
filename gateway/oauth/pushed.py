"""The endpoint for pushed authorization requests (RFC 9126)."""

from dataclasses import replace
from typing import Any

from authlib.consts import default_json_headers
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request, TokenEndpoint
from flask import g
from flask import request as sent
from werkzeug.datastructures import MultiDict

from gateway.oauth import authorization
from gateway.oauth.authorization import DPOP_KEY, NotRedirected, RedirectedError
from gateway.oauth.clients import AUTHORIZATION_CODE, RegisteredClient
from gateway.oauth.faults import InvalidProofError
from gateway.oauth.grants import AUTH_METHODS
from partners.consents import pushed
from partners.vocabulary import Outcome

_PROOFS = frozenset({"client_assertion", "client_assertion_type"})
PushedAnswer = tuple[int, dict[str, Any], list[tuple[str, str]]]


class PushedRequestEndpoint(TokenEndpoint):
    """Takes a tracker's request, checked whole, before the browser is involved."""

    ENDPOINT_NAME = "pushed"

    def create_endpoint_response(self, request: OAuth2Request) -> PushedAnswer:
        """Keep the request under a `request_uri` for one use by this client."""
        client: RegisteredClient = self.server.authenticate_client(request, AUTH_METHODS, self.ENDPOINT_NAME)
        asked = self._asked(client)
        with self.server.engine.begin() as connection:
            uri = pushed.keep(connection, client.get_client_id(), asked.document(), now=g.received_at)
            self.server.keep(client, Outcome.RELEASED, status=201, connection=connection)
        return 201, {"request_uri": uri, "expires_in": int(pushed.LASTS.total_seconds())}, default_json_headers

    def _asked(self, client: RegisteredClient) -> authorization.Asked:
        parameters = MultiDict({"client_id": client.get_client_id()})
        for name, values in sent.form.lists():
            if name not in _PROOFS:
                parameters.setlist(name, values)
        if not client.check_grant_type(AUTHORIZATION_CODE):
            raise InvalidRequestError("Only a tracker's client asks for a user's consent.")
        try:
            asked = authorization.read(parameters, lambda _: client, issuer=self.server.issuer)[1]
        except NotRedirected as error:
            raise InvalidRequestError(str(error)) from error
        except RedirectedError as error:
            raise error.error from error
        if asked.dpop_key is not None and client.thumbprint not in {None, asked.dpop_key}:
            raise InvalidProofError(f"The DPoP proof is of another key than {DPOP_KEY} names.")
        return replace(asked, dpop_key=client.thumbprint or asked.dpop_key)
