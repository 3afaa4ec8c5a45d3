"""Accounts of people: invited by an operator, set up by themselves, suspended and resumed."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, select, update

from partners.registry import RegistryError, partners
from partners.secrets import digest_of
from partners.tables.consent import person, person_session
from partners.tables.partner import partner
from partners.vocabulary import PartnerKind, Status

PERSON_PREFIX = "prs_"
INVITATION_PREFIX = "gwi_"
INVITATION_LASTS = timedelta(hours=72)
KINDS_WITH_PEOPLE = frozenset({PartnerKind.WEBMASTER, PartnerKind.AUDITOR})
_NAME = re.compile(r"[a-z0-9][a-z0-9_.@-]{1,63}")


@dataclass(frozen=True)
class Person:
    """Somebody who signs in for a partner."""

    number: int
    """The database's."""
    id: str
    """As the access log names the person."""
    name: str
    partner: str
    partner_name: str
    kind: PartnerKind
    status: Status
    is_set_up: bool
    """Whether the invitation was taken up."""
    invited_until: datetime | None


@dataclass(frozen=True)
class Invitation:
    """A person and the token that sets the account up: shown now and never again."""

    person: Person
    token: str


def add(connection: Connection, partner_id: str, name: str, *, now: datetime) -> Invitation:
    """Make an account for somebody of a webmaster or the auditor; raise `RegistryError` if a value is unfit."""
    owner = partners.get(connection, partner_id, lock=True)
    if owner.kind not in KINDS_WITH_PEOPLE:
        raise RegistryError(f"people of a {owner.kind} do not sign in; those of webmasters and auditors do")
    if not is_name(name.lower()):
        raise RegistryError("a name for signing in has 2 to 64 letters, digits or the characters . _ @ -")
    if connection.execute(select(person.c.number).where(person.c.name == name.lower())).first() is not None:
        raise RegistryError(f"there is somebody called {name.lower()} already")
    new = {"id": PERSON_PREFIX + secrets.token_hex(10), "partner": owner.number, "name": name.lower()}
    connection.execute(insert(person).values(**new, created_at=now))
    return invite(connection, name, now=now)


def invite(connection: Connection, name: str, *, now: datetime) -> Invitation:
    """Void a person's password, second factor and sessions at once, and return a token to set up new ones."""
    held = get(connection, name)
    partners.get(connection, held.partner, lock=True)
    token, until = INVITATION_PREFIX + secrets.token_urlsafe(32), now + INVITATION_LASTS
    fresh = {"invitation": digest_of(token), "invited_until": until, "wrong_codes": 0}
    _close(connection, held, password_hash=None, sealed_factor=None, **fresh)
    return Invitation(replace(held, is_set_up=False, invited_until=until), token)


def invited(connection: Connection, token: str, *, now: datetime) -> Person | None:
    """Return whom a token invites, if it still does."""
    statement = selected().where(person.c.invitation == digest_of(token), person.c.invited_until > now)
    row = connection.execute(statement).one_or_none()
    return person_of(row) if row is not None else None


@dataclass(frozen=True)
class Credentials:
    """What a person chose."""

    password_hash: str = field(repr=False)
    sealed_factor: bytes = field(repr=False)
    factor_step: int
    """The time step of the code that proved the app, so that it does not sign in too."""


def set_up(connection: Connection, token: str, chosen: Credentials, *, now: datetime) -> bool:
    """Take an invitation up; return whether it still was one, one winner among parallel uses."""
    statement = (
        update(person)
        .where(person.c.invitation == digest_of(token), person.c.invited_until > now)
        .values(invitation=None, invited_until=None, **asdict(chosen))
    )
    return connection.execute(statement).rowcount == 1


def get(connection: Connection, name: str) -> Person:
    """Return a person by the name for signing in; raise `RegistryError` if there is none."""
    row = connection.execute(selected().where(person.c.name == name.lower())).one_or_none()
    if row is None:
        raise RegistryError(f"there is nobody called {name}")
    return person_of(row)


def every(connection: Connection, partner_id: str | None = None) -> Sequence[Person]:
    """Return everybody, or everybody of one partner, by name."""
    statement = selected().order_by(person.c.name)
    if partner_id is not None:
        statement = statement.where(partner.c.id == partners.get(connection, partner_id).id)
    return [person_of(row) for row in connection.execute(statement)]


def suspend(connection: Connection, name: str) -> Person:
    """Keep a person out from the very next request on; what they allowed to tools stays, as it is the partner's."""
    held = get(connection, name)
    partners.get(connection, held.partner, lock=True)
    _close(connection, held, status=Status.SUSPENDED)
    return replace(held, status=Status.SUSPENDED)


def resume(connection: Connection, name: str) -> Person:
    """Let a suspended person sign in again."""
    held = get(connection, name)
    partners.get(connection, held.partner, lock=True)
    connection.execute(update(person).where(person.c.number == held.number).values(status=Status.ACTIVE))
    return replace(held, status=Status.ACTIVE)


def _close(connection: Connection, held: Person, **columns: Any) -> None:
    connection.execute(update(person).where(person.c.number == held.number).values(**columns))
    connection.execute(delete(person_session).where(person_session.c.person == held.number))


def is_name(text: str) -> bool:
    """Whether anybody could be called that."""
    return _NAME.fullmatch(text) is not None


def selected() -> Select[Any]:
    """Select people with their partners, as `person_of` reads them."""
    return select(
        *person.c["number", "id", "name", "status", "invited_until"],
        person.c.password_hash.is_not(None).label("is_set_up"),
        partner.c.id.label("owner"),
        partner.c.name.label("owner_name"),
        partner.c.kind,
    ).select_from(person.join(partner, person.c.partner == partner.c.number))


def person_of(row: Row[Any]) -> Person:
    """Read a row of `selected`."""
    return Person(
        number=row.number,
        id=row.id,
        name=row.name,
        partner=row.owner,
        partner_name=row.owner_name,
        kind=PartnerKind(row.kind),
        status=Status(row.status),
        is_set_up=row.is_set_up,
        invited_until=row.invited_until,
    )
