"""Taking up an invitation: a password and an authenticator app, chosen by the person alone."""

from http import HTTPStatus

import segno
from flask import Response, g, request
from markupsafe import Markup

from gateway.account import attempts
from gateway.account import browser as browsers
from gateway.account.browser import browser
from gateway.account.pages import PageError, blueprint, form_of_ours, home, note, page, to
from gateway.account.tickets import Purpose
from gateway.runtime import runtime
from partners.people import accounts, one_time, passwords
from partners.people.accounts import Credentials, Person
from partners.vocabulary import Outcome

OPERATION = "oauth.set_up"
PRODUCT = "Member Data Gateway"


@blueprint.get("/account/set-up")
def ask_set_up() -> Response:
    """Show the form to whom the invitation is for."""
    invitation = request.args.get("invitation", "")
    return _form(_invited(invitation), invitation, one_time.new_secret())


@blueprint.post("/account/set-up")
def set_up() -> Response:
    """Store the password and the app's secret once a first code proves that the app has it; sign in."""
    form_of_ours()
    with attempts.counted(OPERATION, ""):
        return _set_up()


def _set_up() -> Response:
    invitation = request.form.get("invitation", "")
    person = _invited(invitation)
    held = browser().open(Purpose.SET_UP, request.form.get("ticket", ""))
    secret = held["secret"] if held is not None else one_time.new_secret()
    step = one_time.step_of(secret, request.form.get("code", ""), g.received_at)
    problem = _problem(person, step) if held is not None else "That took too long; scan the new picture."
    if problem is not None or step is None:
        return _form(person, invitation, secret, problem)
    _store(person, invitation, Credentials(passwords.hash_of(request.form["password"]), _sealed(secret), step))
    return to(home())


def _invited(invitation: str) -> Person:
    with runtime().database.write.connect() as connection:
        person = accounts.invited(connection, invitation, now=g.received_at)
    if person is None:
        raise _over()
    return person


def _over() -> PageError:
    return PageError(
        HTTPStatus.BAD_REQUEST,
        "This invitation is not valid",
        "It was used, has run out after three days, or was replaced by a newer one. Ask for a new one.",
    )


def _problem(person: Person, step: int | None) -> str | None:
    password = request.form.get("password", "")
    if password != request.form.get("password_again", ""):
        return "The two passwords differ."
    fault = passwords.fault_of(password, person.name)
    if fault is None and step is None:
        return "That is not the code that the app shows now. Is the phone's clock right?"
    return fault


def _sealed(secret: str) -> bytes:
    return runtime().keyring.seal(secret.encode())


def _store(person: Person, invitation: str, chosen: Credentials) -> None:
    with runtime().database.write.begin() as connection:
        if not accounts.set_up(connection, invitation, chosen, now=g.received_at):
            raise _over()
        note(connection, OPERATION, person, Outcome.RELEASED)
        browsers.sign_in(connection, person)


def _form(person: Person, invitation: str, secret: str, problem: str | None = None) -> Response:
    address = one_time.address_of(secret, name=person.name, issuer=PRODUCT)
    return page(
        "set_up.html",
        HTTPStatus.OK if problem is None else HTTPStatus.BAD_REQUEST,
        person=person,
        invitation=invitation,
        ticket=browser().seal(Purpose.SET_UP, {"secret": secret}),
        secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        picture=Markup(segno.make(address, error="m").svg_inline(scale=5, omitsize=True)),  # noqa: S704 - drawn by us
        shortest=passwords.SHORTEST,
        problem=problem,
    )
