"""The authorization server: Authlib's, hardened where it is lenient or can be made to fail."""

import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, TypeAlias, cast

import orjson
from authlib.common.security import is_secure_transport
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.base import invalid_error_characters
from authlib.oauth2.rfc6749 import (
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    UnsupportedGrantTypeError,
)
from flask import Request, Response, current_app, g
from flask import request as flask_request
from sqlalchemy import Connection
from structlog import get_logger

from gateway.oauth.authentication import ClientAuthenticator
from gateway.oauth.caller import Caller
from gateway.oauth.clients import RegisteredClient
from gateway.oauth.consent_grants import CodeGrant, Consented, RefreshGrant
from gateway.oauth.dpop import Proofs
from gateway.oauth.endpoints import IntrospectionEndpoint, RevocationEndpoint
from gateway.oauth.faults import ClientRefused, reason_of
from gateway.oauth.forms import check_form
from gateway.oauth.grants import ClientCredentialsGrant, Session, TokenExchangeGrant
from gateway.oauth.keys import KeyCabinet
from gateway.oauth.nonces import Nonces
from gateway.oauth.possession import proven_key
from gateway.oauth.pushed import PushedRequestEndpoint
from gateway.oauth.tokens import LIFETIME, AccessToken, TokenMaker, new_token_id
from gateway.observability import metrics
from gateway.records import access_of
from gateway.settings import Settings
from partners.access_log.append import record
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.vocabulary import AuthMethod, Outcome, Purpose, Reason, Scope

TOKEN = "token"  # noqa: S105 - an endpoint's name
ERROR_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}
HeaderList: TypeAlias = Mapping[str, str] | list[tuple[str, str]]
log = get_logger(__name__)


class _WithoutTls(FlaskOAuth2Request):
    def __init__(self, request: Request) -> None:
        uri = request.url.replace("http:", "https:", 1)
        OAuth2Request.__init__(self, request.method, uri, headers=dict(request.headers))
        self._request, self.payload = request, FlaskOAuth2Payload(request)


class Server(AuthorizationServer):
    """Issues tokens and answers about them; every issue and denial is recorded before it is answered."""

    def __init__(self, settings: Settings, database: Database, keyring: Keyring) -> None:
        """Wire grants, client authentication and token making; nothing is read or made before the first request."""
        super().__init__()
        issuer = settings.issuer
        # At DEBUG Authlib writes whole tokens into the log.
        logging.getLogger("authlib").setLevel(logging.INFO)
        self.issuer = issuer
        self.engine = database.write
        self.tokens = TokenMaker(issuer, KeyCabinet(database.write, keyring), bound_only=settings.dpop_required)
        self.proofs = Proofs(issuer, database.write, Nonces(keyring) if settings.dpop_nonces else None)
        self.terms = settings.terms
        self._clients = ClientAuthenticator(database.write, issuer, settings.terms)
        self.register_client_auth_method(AuthMethod.CLIENT_SECRET_BASIC.value, self._clients.by_secret)
        self.register_client_auth_method(AuthMethod.PRIVATE_KEY_JWT.value, self._clients.by_assertion)
        self.register_token_generator("default", cast("Any", self._make_token))
        self.register_grant(ClientCredentialsGrant)
        self.register_grant(TokenExchangeGrant)
        self.register_grant(CodeGrant)
        self.register_grant(RefreshGrant)
        self.register_endpoint(RevocationEndpoint)
        self.register_endpoint(IntrospectionEndpoint)
        self.register_endpoint(PushedRequestEndpoint)

    def create_oauth2_request(self, request: object) -> FlaskOAuth2Request:  # noqa: ARG002 - Flask's own is read
        """Return the current request; where the issuer itself has no TLS, none is asked for."""
        kind = FlaskOAuth2Request if is_secure_transport(self.issuer) else _WithoutTls
        return kind(flask_request)

    def find_client(self, client_id: str) -> RegisteredClient | None:
        """Return a client by its id, whether or not it may act."""
        return self._clients.find(client_id)

    def query_client(self, client_id: str) -> RegisteredClient | None:  # type: ignore[override]
        """Return a client that may have tokens now."""
        return self._clients.find_active(client_id)

    def authenticate_client(
        self, request: OAuth2Request, methods: Collection[str], endpoint: str = TOKEN
    ) -> RegisteredClient:
        """Authenticate by exactly one method; the client stands in the request from then on, also for errors."""
        try:
            client = cast("RegisteredClient", super().authenticate_client(request, methods, endpoint))
        except ClientRefused:
            raise
        except InvalidClientError as error:
            raise ClientRefused(Reason.UNKNOWN) from error
        request.client = client
        if endpoint in (TOKEN, PushedRequestEndpoint.ENDPOINT_NAME):
            bound = client.registration.dpop_bound or self.tokens.bound_only
            client.thumbprint = proven_key(self.proofs, needed=bound and endpoint == TOKEN)
        return client

    def create_token_response(self, request: object = None) -> Response:  # type: ignore[override]  # noqa: ARG002
        """Answer the current request to the token endpoint."""
        respond = cast("Callable[[], Response]", super().create_token_response)

        def granted() -> Response:
            if not flask_request.form.get("grant_type"):
                raise InvalidRequestError("Missing 'grant_type' in request.")
            return respond()

        return self._answer(granted)

    def create_endpoint_response(self, name: str, request: object = None) -> Response:  # noqa: ARG002
        """Answer the current request to another endpoint."""
        respond = cast("Callable[[str], Response]", super().create_endpoint_response)
        return self._answer(lambda: respond(name))

    def handle_response(self, status_code: int, payload: object, headers: HeaderList) -> Response:
        """Write an answer."""
        return Response(orjson.dumps(payload), status_code, headers)

    def handle_error_response(self, request: OAuth2Request | None, error: OAuth2Error) -> Response:
        """Record a denial with its true reason; answer in the form of RFC 6749 §5.2, without an echo of the input."""
        client = getattr(error, "client", None) or getattr(request, "client", None)
        status = 401 if isinstance(error, InvalidClientError) else 400
        reason = reason_of(error)
        if reason is not None:
            self.keep(client, Outcome.DENIED, status=status, reason=reason)
            metrics.denied(reason)
        headers = dict(ERROR_HEADERS)
        if status == 401:  # noqa: PLR2004
            headers["WWW-Authenticate"] = f'Basic realm="{self.issuer}"'
        return self.handle_response(status, _error_document(error), headers)

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:  # noqa: ARG002
        """Record the issue: a token that cannot be recorded is not handed out. The token itself is kept nowhere."""
        model = request.user.model if isinstance(request.user, Session) else None
        self.keep(cast("RegisteredClient", request.client), Outcome.RELEASED, status=200, model=model)

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nothing listens."""

    def keep(
        self,
        client: RegisteredClient | None,
        outcome: Outcome,
        *,
        status: int,
        reason: Reason | None = None,
        model: str | None = None,
        operation: str | None = None,
        connection: Connection | None = None,
    ) -> None:
        """Append a record of the current request, whose endpoint is the operation if nothing else is.

        What is done stands in the transaction that does it, that of the `connection`.
        """
        access = access_of(operation or str(flask_request.endpoint), Purpose.OPERATION)
        if client is not None:
            known = client.registration
            access = replace(access, audience=known.kind, partner=known.partner, client=known.client, model=model)
        with nullcontext(connection) if connection is not None else self.engine.begin() as recording:
            record(recording, access, outcome=outcome, status=status, reason=reason)

    def _make_token(
        self,
        grant_type: str,  # noqa: ARG002 - Authlib's signature
        client: RegisteredClient,
        user: Session | Consented | None = None,
        scope: str | None = None,
        **_: object,
    ) -> dict[str, Any]:
        granted = client.get_allowed_scope(scope)
        if granted is None:
            raise InvalidScopeError
        now = g.received_at
        lifetime = int(LIFETIME.total_seconds()) if user is None else user.lifetime(now.timestamp())
        issued_at = int(now.timestamp())
        token = AccessToken(_caller(client, granted, user), issued_at, issued_at + lifetime, client.thumbprint)
        signed = self.tokens.sign(token, now)
        return {"access_token": signed, "token_type": token.type, "expires_in": lifetime, "scope": granted}

    def _answer(self, respond: Callable[[], Response]) -> Response:
        try:
            check_form()
            return respond()
        except OAuth2Error as error:
            return self.handle_error_response(None, error)
        except (ValueError, TypeError, RecursionError) as error:
            log.warning("oauth_request_refused", error=type(error).__name__, request_id=g.request_id)
            return self.handle_error_response(None, InvalidRequestError("The request is malformed."))


def _caller(client: RegisteredClient, granted: str, acting: Session | Consented | None) -> Caller:
    known = client.registration
    return Caller(
        audience=known.kind,
        partner=acting.partner if isinstance(acting, Consented) else known.partner,
        client=known.client,
        client_version=known.version,
        token=new_token_id(),
        scopes=frozenset(Scope(scope) for scope in granted.split(" ")),
        model=acting.model if isinstance(acting, Session) else None,
        family=acting.family if isinstance(acting, Consented) else None,
    )


def _error_document(error: OAuth2Error) -> dict[str, str]:
    document = {"error": str(error.error)}
    if isinstance(error, UnsupportedGrantTypeError):
        return document | {"error_description": "This grant type is not supported."}
    # The character set is that of RFC 6749 §5.2; texts that quote their input fail here first.
    if error.description and not invalid_error_characters(error.description):
        document["error_description"] = error.description
    return document


def authorization_server() -> Server:
    """Return the server of the application that handles the current request."""
    held: Server = current_app.extensions["oauth"]
    return held
