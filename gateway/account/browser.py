"""The browser before us: its one cookie, who is signed in with it, and the token its forms carry."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, g, request
from sqlalchemy import Connection

from gateway.account.tickets import Purpose, Tickets
from gateway.runtime import runtime
from partners.people import sessions
from partners.people.accounts import Person

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class Browser:
    """Known by a random cookie; without anybody signed in it only ties forms to the browser they were sent to."""

    token: str
    person: Person | None
    is_new: bool
    """Whether the cookie is still to be set."""

    def form_token(self) -> str:
        """What each form of this browser carries, against requests forged by other sites."""
        return hmac.new(runtime().keyring.derive("forms"), self.token.encode(), hashlib.sha256).hexdigest()

    def sent_this_form(self) -> bool:
        """Whether the current form came from a page that this browser was sent."""
        return hmac.compare_digest(request.form.get("form_token", "").encode(), self.form_token().encode())

    def seal(self, purpose: Purpose, document: Mapping[str, Any]) -> str:
        """Return a ticket for this browser."""
        return Tickets(runtime().keyring).seal(purpose, document, browser=self.token, now=g.received_at)

    def open(self, purpose: Purpose, ticket: str) -> dict[str, Any] | None:
        """Return what a ticket of this browser holds."""
        return Tickets(runtime().keyring).open(purpose, ticket, browser=self.token, now=g.received_at)


def browser() -> Browser:
    """Return the browser of the current request."""
    if "browser" not in g:
        g.browser = _read()
    held: Browser = g.browser
    return held


def sign_in(connection: Connection, person: Person) -> Browser:
    """Sign a person in under a cookie that nobody has seen before."""
    g.browser = Browser(sessions.begin(connection, person, now=g.received_at), person, is_new=True)
    return browser()


def sign_out(connection: Connection) -> None:
    """Sign out, and forget the cookie."""
    sessions.end(connection, browser().token)
    g.browser = Browser(sessions.new_token(), None, is_new=True)


def set_cookie(response: Response) -> Response:
    """Give the browser its cookie: to this host alone, out of scripts' reach, gone when the browser closes."""
    held: Browser | None = g.get("browser")
    if held is not None and held.is_new:
        response.set_cookie(_cookie_name(), held.token, secure=_is_secure(), httponly=True, samesite="Lax")
    return response


def _read() -> Browser:
    token = request.cookies.get(_cookie_name(), "")
    if not _TOKEN.fullmatch(token):
        return Browser(sessions.new_token(), None, is_new=True)
    with runtime().database.write.begin() as connection:
        return Browser(token, sessions.find(connection, token, now=g.received_at), is_new=False)


def _cookie_name() -> str:
    # Browsers take the prefix over TLS only; without TLS there is nothing but a demo on this machine.
    return "__Host-gateway" if _is_secure() else "gateway"


def _is_secure() -> bool:
    return runtime().settings.issuer.startswith("https:")
