"""The authorization request: read without trust, and refused by redirect only where redirecting is safe."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote, urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, UnsupportedResponseTypeError
from werkzeug.datastructures import MultiDict

from gateway.oauth.clients import AUTHORIZATION_CODE, CODE, RegisteredClient
from gateway.oauth.resources import RESOURCE, check_resources

S256 = "S256"
DPOP_KEY = "dpop_jkt"
LONGEST_STATE = 1_024
_STATE = re.compile(rf"[\x20-\x7e]{{1,{LONGEST_STATE}}}")
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}")
"""SHA-256 in base64url: a PKCE challenge, a key's thumbprint."""
Find = Callable[[str], RegisteredClient | None]
Parameters = MultiDict[str, str]


class RequestNotSupportedError(OAuth2Error):
    """A request object (RFC 9101), or a `request_uri` where none may stand."""

    error = "request_not_supported"
    description = "Request objects are not taken; push the request instead (RFC 9126)."


class NotRedirected(Exception):
    """Nobody knows where it would be safe to send the browser: a page says what is wrong."""


class RedirectedError(Exception):
    """The client is told by redirect what is wrong."""

    def __init__(self, error: OAuth2Error, *, client: RegisteredClient, redirect_uri: str, state: str | None) -> None:
        """Take the error and the way back."""
        super().__init__(str(error.error))
        self.error = error
        self.client = client
        self.redirect_uri = redirect_uri
        self.state = state


@dataclass(frozen=True)
class Asked:
    """A valid authorization request."""

    client: str
    redirect_uri: str
    scope: str
    challenge: str
    state: str | None
    dpop_key: str | None = None
    """The thumbprint of the key that its code is to be bound to (RFC 9449 §10)."""

    def document(self) -> dict[str, Any]:
        """As it is kept until it is decided."""
        return asdict(self)


def read(parameters: Parameters, find: Find, *, issuer: str) -> tuple[RegisteredClient, Asked]:
    """Return the client and what it asks for; raise `NotRedirected` or `RedirectedError`.

    A parameter without a value is as good as none (RFC 6749 §3.1).
    """
    parameters = MultiDict((name, value) for name, value in parameters.items(multi=True) if value)
    client = client_of(parameters, find)
    redirect_uri = _once(parameters, "redirect_uri")
    if redirect_uri is None or not client.check_redirect_uri(redirect_uri):
        raise NotRedirected("The redirect_uri is missing or is not one that was registered for this tool.")
    states = parameters.getlist("state")
    state = states[0] if len(states) == 1 and _STATE.fullmatch(states[0]) else None
    try:
        _check_form_of(parameters, issuer)
        return client, _checked(parameters, client, redirect_uri, state)
    except OAuth2Error as error:
        raise RedirectedError(error, client=client, redirect_uri=redirect_uri, state=state) from error


def client_of(parameters: Parameters, find: Find) -> RegisteredClient:
    """Return the tool that asks, if webmasters may be asked to allow it; raise `NotRedirected`."""
    client = find(_once(parameters, "client_id") or "")
    if client is None or not client.check_grant_type(AUTHORIZATION_CODE):
        raise NotRedirected("The client_id is missing or is not that of a tool known here.")
    if not client.registration.may_be_consented_to:
        raise NotRedirected("This tool may not be used at present.")
    return client


def returned_to(redirect_uri: str, **parameters: str | None) -> str:
    """Return the address that sends the browser back, parameters added to the query it may have."""
    told = {name: value for name, value in parameters.items() if value is not None}
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(told, quote_via=quote)}"


def _check_form_of(parameters: Parameters, issuer: str) -> None:
    if any(len(values) > 1 for name, values in parameters.lists() if name != RESOURCE):
        raise InvalidRequestError("A parameter is repeated.")
    if "request" in parameters or "request_uri" in parameters:
        raise RequestNotSupportedError
    if parameters.get("response_mode", "query") != "query":
        raise InvalidRequestError("The only response_mode is query.")
    check_resources(parameters.getlist(RESOURCE), issuer)


def _checked(parameters: Parameters, client: RegisteredClient, redirect_uri: str, state: str | None) -> Asked:
    if "state" in parameters and state is None:
        raise InvalidRequestError(f"The state has 1 to {LONGEST_STATE} printable ASCII characters.")
    if "response_type" not in parameters:
        raise InvalidRequestError("The response_type is missing.")
    if parameters["response_type"] != CODE:
        raise UnsupportedResponseTypeError("", "The only response_type is code.")
    challenge = parameters.get("code_challenge", "")
    if parameters.get("code_challenge_method") != S256 or not _DIGEST.fullmatch(challenge):
        raise InvalidRequestError("PKCE is required: a code_challenge of the code_challenge_method S256.")
    dpop_key = parameters.get(DPOP_KEY)
    if dpop_key is not None and not _DIGEST.fullmatch(dpop_key):
        raise InvalidRequestError(f"The {DPOP_KEY} is the SHA-256 thumbprint of a key (RFC 7638), in base64url.")
    scope = client.get_allowed_scope(parameters.get("scope"))
    if scope is None:
        raise InvalidScopeError
    return Asked(client.get_client_id(), redirect_uri, scope, challenge, state, dpop_key)


def _once(parameters: Parameters, name: str) -> str | None:
    values = parameters.getlist(name)
    return values[0] if len(values) == 1 else None
