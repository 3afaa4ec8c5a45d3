"""Signing in while an operator acts on the account: what was read before the password was hashed decides nothing."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, select

from partners.people import accounts, one_time, passwords, signing_in
from partners.people.accounts import Credentials
from partners.people.signing_in import Proof
from partners.postgres.database import Database
from partners.registry import partners
from partners.tables.consent import person
from partners.vocabulary import Reason
from tests.callers import add_caller

NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
PASSWORD = "a long sentence of mine"
Act = Callable[[Connection], object]


def invite(connection: Connection) -> object:
    return accounts.invite(connection, "ines", now=NOW)


def suspend(connection: Connection) -> object:
    return accounts.suspend(connection, "ines")


def suspend_partner(connection: Connection) -> object:
    return partners.suspend(connection, "w1")


@pytest.mark.parametrize(
    ("act", "reason", "wrong_codes"),
    [
        (invite, Reason.INVALID_TOKEN, 1),
        (suspend, Reason.SUSPENDED, 0),
        (suspend_partner, Reason.SUSPENDED, 0),
    ],
)
def test_a_sign_in_under_way_does_not_outlive_what_an_operator_does(
    db: Database, monkeypatch: pytest.MonkeyPatch, *, act: Act, reason: Reason, wrong_codes: int
) -> None:
    add_caller(db)
    secret, matches = one_time.new_secret(), passwords.matches
    chosen = Credentials(passwords.hash_of(PASSWORD), secret.encode(), 0)
    with db.write.begin() as connection:
        made = accounts.add(connection, "w1", "ines", now=NOW)
        assert accounts.set_up(connection, made.token, chosen, now=NOW)

    def meanwhile(password: str, stored: str | None) -> bool:
        with db.write.begin() as another:
            act(another)
        return matches(password, stored)

    monkeypatch.setattr(passwords, "matches", meanwhile)
    with db.write.begin() as connection:
        proof = Proof("ines", PASSWORD, one_time.code_at(secret, NOW))
        tried = signing_in.attempt(connection, proof, bytes, now=NOW)

    assert tried.refused is reason
    with db.write.connect() as connection:
        assert connection.execute(select(person.c.wrong_codes)).scalar_one() == wrong_codes
