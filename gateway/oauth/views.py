"""The OAuth endpoints."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, g, request
from structlog import get_logger
from werkzeug.exceptions import HTTPException

from gateway.http import limits
from gateway.http.bodies import LARGEST_OF_ANYBODY, whole_body
from gateway.http.envelope import answer
from gateway.http.problems import DATABASE_TROUBLE, RETRY_AFTER_S
from gateway.oauth import metadata
from gateway.oauth.address import caller_address
from gateway.oauth.authentication import presented_client
from gateway.oauth.challenges import METADATA_PATH
from gateway.oauth.endpoints import IntrospectionEndpoint, RevocationEndpoint
from gateway.oauth.pushed import PushedRequestEndpoint
from gateway.oauth.server import Server, authorization_server
from gateway.oauth.tokens import access_tokens
from gateway.observability import metrics
from gateway.runtime import runtime
from gateway.wording import kind_of
from partners.registry.signing_keys import MAX_AGE
from partners.spool.spool import SpoolError
from partners.vocabulary import Outcome, Work

SERVER_METADATA_PATH = "/.well-known/oauth-authorization-server"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
log = get_logger(__name__)
# Its name and those of the views are the operations in the access log.
blueprint = Blueprint("oauth", __name__)


@blueprint.before_request
def _limit_body() -> None:
    whole_body(request, LARGEST_OF_ANYBODY, kept=True)


def _post_only(path: str) -> Callable[[Callable[[], Response]], Callable[[], Response]]:
    """Route every method to a view, which refuses all but POST in the words of RFC 6749."""
    return blueprint.route(path, methods=METHODS, provide_automatic_options=False)


@_post_only("/oauth/token")
def token() -> Response:
    """Issue an access token (RFC 6749 §3.2)."""
    return _not_posted() or _counted(authorization_server().create_token_response)


@_post_only("/oauth/revoke")
def revoke() -> Response:
    """Revoke an access token (RFC 7009)."""
    return _not_posted() or _counting_failures(RevocationEndpoint.ENDPOINT_NAME)


@_post_only("/oauth/introspect")
def introspect() -> Response:
    """Tell a client about a token of its own (RFC 7662)."""
    return _not_posted() or _counting_failures(IntrospectionEndpoint.ENDPOINT_NAME)


@_post_only("/oauth/par")
def par() -> Response:
    """Keep an authorization request until the browser brings its `request_uri` (RFC 9126)."""
    respond = authorization_server().create_endpoint_response
    return _not_posted() or _counted(partial(respond, PushedRequestEndpoint.ENDPOINT_NAME))


@blueprint.get("/oauth/jwks")
def jwks() -> Response:
    """Publish the keys that verify access tokens (RFC 7517)."""
    return _cacheable(access_tokens().keys.document(g.received_at))


@blueprint.get(SERVER_METADATA_PATH)
def authorization_server_metadata() -> Response:
    """Describe the authorization server (RFC 8414)."""
    pushed_only = runtime().settings.par_required
    return _cacheable(metadata.authorization_server(access_tokens().issuer, pushed_only=pushed_only))


@blueprint.get(METADATA_PATH)
def protected_resource_metadata() -> Response:
    """Describe the API as a protected resource (RFC 9728)."""
    return _cacheable(metadata.protected_resource(access_tokens().issuer, bound_only=access_tokens().bound_only))


@blueprint.errorhandler(HTTPException)
def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    return answer({"error": "invalid_request", "error_description": f"{error.name}."}, status)


def _unavailable(error: Exception) -> Response:
    log.error("database_error", error=kind_of(error))
    metrics.database_failed()
    return _nothing_issued(error)


for _trouble in DATABASE_TROUBLE:
    blueprint.register_error_handler(_trouble, _unavailable)


@blueprint.errorhandler(SpoolError)
def _nothing_issued(_error: Exception) -> Response:
    refused = answer({"error": "temporarily_unavailable", "error_description": "Nothing was issued; try again."}, 503)
    refused.headers["Retry-After"] = str(RETRY_AFTER_S)
    return refused


def _cacheable(document: dict[str, Any]) -> Response:
    published = answer(document)
    published.headers["Cache-Control"] = f"public, max-age={MAX_AGE.seconds}"
    return published


@blueprint.errorhandler(limits.LimitReachedError)
def _limit_reached(_error: limits.LimitReachedError) -> Response:
    authorization_server().keep(None, Outcome.LIMITED, status=HTTPStatus.TOO_MANY_REQUESTS)
    refused = answer(
        {"error": "temporarily_unavailable", "error_description": "Too many attempts; try again later."},
        HTTPStatus.TOO_MANY_REQUESTS,
    )
    refused.headers["Retry-After"] = str(limits.retry_after())
    return refused


def _counted(respond: Callable[[], Response]) -> Response:
    """Answer as often as tokens may be asked for."""
    _attempts("all").spend()
    return respond()


def _counting_failures(endpoint: str) -> Response:
    """Answer a client as often as it asks, and who fails to be one as often as tokens may be asked for."""
    failures = _attempts("failed")
    failures.require()
    response = authorization_server().create_endpoint_response(endpoint)
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        failures.take()
    return response


def _attempts(which: str) -> limits.Allowance:
    """How often a client may try from an address, so that nobody can lock it out from somewhere else.

    Whoever is not registered counts together: made-up names buy no attempts.
    """
    client = authorization_server().find_client(presented_client())
    name, owner = (client.get_client_id(), client.registration.partner) if client else ("", None)
    return limits.allowance(Work.TOKEN, client=f"{which} {name} {caller_address()}", partner=owner)


def _not_posted() -> Response | None:
    if request.method == "POST":
        return None
    if request.method == "OPTIONS":
        return Response(status=HTTPStatus.NO_CONTENT, headers={"Allow": "OPTIONS, POST"})
    refused = answer({"error": "invalid_request", "error_description": "Only POST is answered here."}, 405)
    refused.headers["Allow"] = "POST"
    return refused


def register(app: Flask) -> None:
    """Wire the authorization server into the gateway; its runtime must be there already."""
    held = app.extensions["runtime"]
    server = Server(held.settings, held.database, held.keyring)
    app.extensions["oauth"], app.extensions["access_tokens"] = server, server.tokens
    app.register_blueprint(blueprint)
    own_path = urlsplit(server.issuer).path
    if own_path:
        app.add_url_rule(f"{SERVER_METADATA_PATH}{own_path}", "oauth.authorization_server_metadata")
        app.add_url_rule(f"{METADATA_PATH}{own_path}", "oauth.protected_resource_metadata")
