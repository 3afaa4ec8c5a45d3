"""Signing in: name, password and one-time code together, with one answer to everything that is wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, or_, update

from partners.people import one_time, passwords
from partners.people.accounts import Person, is_name, person_of, selected
from partners.tables.consent import person, person_session
from partners.tables.partner import partner
from partners.vocabulary import Reason, Status

MOST_WRONG_CODES = 20
"""So many wrong codes after the right password void the password: somebody else knows it."""


@dataclass(frozen=True)
class Proof:
    """What was typed in."""

    name: str
    password: str = field(repr=False)
    code: str = field(repr=False)


@dataclass(frozen=True)
class Attempt:
    """Whom an attempt to sign in was about, if anybody, and why it was refused, or nothing."""

    person: Person | None
    refused: Reason | None


def attempt(connection: Connection, proof: Proof, unseal: Callable[[bytes], bytes], *, now: datetime) -> Attempt:
    """Try to sign somebody in; `unseal` opens the stored secret of the one-time codes."""
    name = proof.name.strip().lower()
    row = _row(connection, name) if is_name(name) else None
    known = passwords.matches(proof.password, row.password_hash if row is not None else None)
    if row is None:
        return Attempt(None, Reason.UNKNOWN)
    somebody = person_of(row)
    if not known:
        return Attempt(somebody, Reason.INVALID_TOKEN)
    step = one_time.step_of(unseal(row.sealed_factor).decode(), proof.code, now)
    held = _spend(connection, row, step) if step is not None else None
    if held is None:
        _count_wrong_code(connection, somebody)
        return Attempt(somebody, Reason.INVALID_TOKEN)
    return Attempt(somebody, _bar(held))


def _row(connection: Connection, name: str) -> Row[Any] | None:
    statement = selected().add_columns(*person.c["password_hash", "sealed_factor"])
    return connection.execute(statement.where(person.c.name == name)).one_or_none()


def _bar(held: Row[Any]) -> Reason | None:
    if Status(held.status) is not Status.ACTIVE or Status(held.owner_status) is not Status.ACTIVE:
        return Reason.SUSPENDED
    # R28: whoever never accepted terms can allow nothing to anybody.
    return Reason.INSUFFICIENT_SCOPE if held.terms_accepted_at is None else None


def _spend(connection: Connection, row: Row[Any], step: int) -> Row[Any] | None:
    """Note the use of a code, so that who looked over a shoulder comes too late; return what stands against it now.

    Nothing where the password is no longer the one compared, as a hash takes time in which an invitation voids it.
    """
    fresh = or_(person.c.factor_step.is_(None), person.c.factor_step < step)
    same = (person.c.number == row.number, person.c.password_hash == row.password_hash)
    statement = update(person).where(*same, fresh, person.c.partner == partner.c.number)
    standing = (person.c.status, partner.c.status.label("owner_status"), partner.c.terms_accepted_at)
    values = {"factor_step": step, "wrong_codes": 0}
    return connection.execute(statement.values(values).returning(*standing)).one_or_none()


def _count_wrong_code(connection: Connection, somebody: Person) -> None:
    mine = person.c.number == somebody.number
    counted = update(person).where(mine).values(wrong_codes=person.c.wrong_codes + 1).returning(person.c.wrong_codes)
    if connection.execute(counted).scalar_one() >= MOST_WRONG_CODES:
        connection.execute(update(person).where(mine).values(password_hash=None))
        connection.execute(delete(person_session).where(person_session.c.person == somebody.number))
