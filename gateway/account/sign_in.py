"""Signing in and out."""

from http import HTTPStatus
from typing import Any

from flask import Response, g, request

from gateway.account import attempts
from gateway.account import browser as browsers
from gateway.account.browser import browser
from gateway.account.pages import blueprint, for_people, form_of_ours, home, note, page, to
from gateway.account.tickets import Purpose
from gateway.runtime import runtime
from partners.people import signing_in
from partners.people.accounts import Person
from partners.people.signing_in import Proof
from partners.vocabulary import Outcome

Pending = tuple[Purpose, dict[str, Any]]
OPERATION = "oauth.sign_in"
REFUSED = "Name, password or code is wrong, or the account is not in use. Each code works once: wait for the next one."


@blueprint.get("/account/sign-in")
def ask() -> Response:
    """Show the form, unless somebody is signed in."""
    ticket = request.args.get("request", "")
    pending = _pending(ticket)
    if browser().person is not None:
        return to(_onward(pending))
    return page("sign_in.html", ticket=ticket, tool_waits=_is_tool(pending))


@blueprint.post("/account/sign-in")
def sign_in() -> Response:
    """Sign in with name, password and one-time code; what was wrong nobody is told."""
    form_of_ours()
    ticket, name = request.form.get("request", ""), request.form.get("name", "")
    proof = Proof(name, request.form.get("password", ""), request.form.get("code", ""))
    pending = _pending(ticket)
    with attempts.counted(OPERATION, name.strip().lower()), runtime().database.write.begin() as connection:
        tried = signing_in.attempt(connection, proof, runtime().keyring.unseal, now=g.received_at)
        if tried.person is None or tried.refused is not None:
            status = HTTPStatus.UNAUTHORIZED
            note(connection, OPERATION, tried.person, Outcome.DENIED, status=status, reason=tried.refused)
        else:
            note(connection, OPERATION, tried.person, Outcome.RELEASED)
            browsers.sign_in(connection, tried.person)
    if browser().person is None:
        return page("sign_in.html", HTTPStatus.UNAUTHORIZED, ticket=ticket, problem=REFUSED, name=name)
    return to(_onward(pending))


@blueprint.post("/account/sign-out")
@for_people
def sign_out(person: Person) -> Response:
    """Sign out."""
    form_of_ours()
    with runtime().database.write.begin() as connection:
        browsers.sign_out(connection)
        note(connection, "oauth.sign_out", person, Outcome.RELEASED)
    return to("/account/sign-in?signed_out=1")


def _pending(ticket: str) -> Pending | None:
    """What the browser was on its way to."""
    held = ((purpose, browser().open(purpose, ticket)) for purpose in (Purpose.AUTHORIZATION, Purpose.RETURN))
    return next(((purpose, document) for purpose, document in held if document is not None), None)


def _is_tool(pending: Pending | None) -> bool:
    return pending is not None and pending[0] is Purpose.AUTHORIZATION


def _onward(pending: Pending | None) -> str:
    if pending is None:
        return home()
    purpose, document = pending
    if purpose is Purpose.RETURN:
        return str(document["address"])
    # The ticket was this browser's under the cookie it had before.
    return f"/oauth/consent?request={browser().seal(purpose, document)}"
