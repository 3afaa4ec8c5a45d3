"""Somebody of the demo's security team, set up already, so that the console can be looked at at once."""

import secrets
from datetime import UTC, datetime

from gateway.cli.session import Session
from gateway.demo.cast import AUDITOR
from gateway.demo.credentials import SignIn
from partners.people import accounts, one_time, passwords
from partners.people.accounts import Credentials

NAME = "sam"


def sign_in_of(opened: Session, held: SignIn | None) -> SignIn | None:
    """Return what signs them in, made anew where nothing is held; nothing where somebody else is called that."""
    with opened.database.write.begin() as connection:
        known = {person.name: person for person in accounts.every(connection)}
        if NAME in known:
            return held if known[NAME].is_set_up else None
        invited = accounts.add(connection, AUDITOR.id, NAME, now=opened.instant())
        made = SignIn(NAME, secrets.token_urlsafe(12), one_time.new_secret())
        sealed = opened.keyring.seal(made.factor.encode())
        # No code was used yet: the present one may be the first.
        chosen = Credentials(passwords.hash_of(made.password), sealed, factor_step=0)
        accounts.set_up(connection, invited.token, chosen, now=opened.instant())
        return made


def code_of(held: SignIn) -> str:
    """The code that an authenticator app would show now; each works once."""
    return one_time.code_at(held.factor, datetime.now(UTC))
