"""The OAuth endpoints."""

from flask import Blueprint, Flask, Response, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from structlog import get_logger
from werkzeug.exceptions import HTTPException

from gateway.envelope import answer
from gateway.oauth.server import Server, authorization_server
from gateway.problems import RETRY_AFTER_S

LARGEST_BODY = 65_536
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
log = get_logger(__name__)
# Its name and those of the views are the operations in the access log.
blueprint = Blueprint("oauth", __name__)


@blueprint.before_request
def _limit_body() -> None:
    request.max_content_length = LARGEST_BODY


@blueprint.route("/oauth/token", methods=METHODS)
def token() -> Response:
    """Issue an access token (RFC 6749 §3.2)."""
    return _not_posted() or authorization_server().create_token_response()


@blueprint.errorhandler(HTTPException)
def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    return answer({"error": "invalid_request", "error_description": f"{error.name}."}, status)


@blueprint.errorhandler(DBAPIError)
@blueprint.errorhandler(PoolTimeoutError)
def _unavailable(error: Exception) -> Response:
    log.error("database_error", error=type(getattr(error, "orig", error)).__name__)
    refused = answer({"error": "temporarily_unavailable", "error_description": "Nothing was issued; try again."}, 503)
    refused.headers["Retry-After"] = str(RETRY_AFTER_S)
    return refused


def _not_posted() -> Response | None:
    if request.method == "POST":
        return None
    refused = answer({"error": "invalid_request", "error_description": "Only POST is answered here."}, 405)
    refused.headers["Allow"] = "POST"
    return refused


def register(app: Flask) -> None:
    """Wire the authorization server into the gateway; its runtime must be there already."""
    held = app.extensions["runtime"]
    app.extensions["oauth"] = Server(held.settings.issuer, held.database, held.keyring)
    app.register_blueprint(blueprint)
