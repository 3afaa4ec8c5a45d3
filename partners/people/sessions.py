"""Sessions of people who signed in: a random cookie, of which only the SHA-256 is kept."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from partners.access_log.cases import Case
from partners.people.accounts import Person, person_of, selected
from partners.secrets import digest_of
from partners.tables.consent import person, person_session
from partners.tables.partner import partner
from partners.vocabulary import CasePurpose, Status

LASTS = timedelta(hours=8)
IDLE = timedelta(minutes=30)


def new_token() -> str:
    """Return a value for a cookie that nobody can guess."""
    return secrets.token_urlsafe(32)


def begin(connection: Connection, somebody: Person, *, now: datetime) -> str:
    """Begin a session under a fresh value, never one that the browser brought along; return that value."""
    token = new_token()
    values = {"digest": digest_of(token), "person": somebody.number, "seen_at": now, "expires_at": now + LASTS}
    connection.execute(insert(person_session).values(**values))
    return token


def find(connection: Connection, token: str, *, now: datetime) -> Person | None:
    """Return who is signed in, if session, person and partner are all alive and the terms accepted (R28)."""
    alive = (
        update(person_session)
        .where(
            person_session.c.digest == digest_of(token),
            person_session.c.expires_at > now,
            person_session.c.seen_at > now - IDLE,
        )
        .values(seen_at=now)
        .returning(person_session.c.person)
    )
    number = connection.execute(alive).scalar_one_or_none()
    active = (
        person.c.status == Status.ACTIVE,
        partner.c.status == Status.ACTIVE,
        partner.c.terms_accepted_at.is_not(None),
    )
    row = connection.execute(selected().where(person.c.number == number, *active)).one_or_none()
    return person_of(row) if row is not None else None


def case_of(connection: Connection, token: str) -> Case | None:
    """Return the case that somebody works on in a session."""
    held = select(person_session.c.case_number, person_session.c.case_purpose)
    row = connection.execute(held.where(person_session.c.digest == digest_of(token))).one_or_none()
    return Case(row.case_number, CasePurpose(row.case_purpose)) if row is not None and row.case_number else None


def take_up(connection: Connection, token: str, case: Case) -> None:
    """Remember for which case somebody looks at the log, as long as the session lasts."""
    told = {"case_number": case.number, "case_purpose": case.purpose}
    connection.execute(update(person_session).where(person_session.c.digest == digest_of(token)).values(**told))


def end(connection: Connection, token: str) -> None:
    """Sign out."""
    connection.execute(delete(person_session).where(person_session.c.digest == digest_of(token)))
