"""What a request to an OAuth endpoint must look like before anything is read from it."""

from authlib.oauth2.rfc6749 import InvalidRequestError
from flask import request

from gateway.oauth.clients import TOKEN_EXCHANGE
from gateway.oauth.resources import AUDIENCE, RESOURCE

FORM = "application/x-www-form-urlencoded"


def check_form() -> None:
    """Refuse what is no plain form, tells a thing twice, or in two places (RFC 6749 §2.3, §3.2, OAuth 2.1)."""
    if request.query_string:
        raise InvalidRequestError("Parameters belong in the body, none in the address.")
    if request.mimetype != FORM:
        raise InvalidRequestError(f"The body must be {FORM}.")
    if any(len(values) > 1 for name, values in request.form.lists() if name not in _repeatable()):
        raise InvalidRequestError("A parameter is repeated.")
    # A parameter without a value is as good as none (RFC 6749 §3.2).
    proofs = (request.headers.get("Authorization"), *map(request.form.get, ("client_secret", "client_assertion")))
    if sum(map(bool, proofs)) > 1:
        raise InvalidRequestError("A client authenticates in one way only.")


def _repeatable() -> set[str]:
    """What RFC 8707 §2 lets stand more than once, and RFC 8693 §2.1 for an exchange."""
    return {RESOURCE, AUDIENCE} if request.form.get("grant_type") == TOKEN_EXCHANGE else {RESOURCE}
