"""Partners: invited, active, suspended, closed; every narrowing kills the tokens issued before it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from partners.consents import ending
from partners.consents.ending import EndedBy
from partners.countries import COUNTRIES
from partners.registry import RegistryError
from partners.registry.token_versions import kill_tokens
from partners.tables.consent import person, person_session
from partners.tables.outbox import webhook_endpoint
from partners.tables.partner import client, partner
from partners.texts import SLUG, is_label
from partners.vocabulary import EEA, PartnerKind, Status

DEFAULT_COUNTRY = "LU"
LONGEST_TEXT = 200
_COLUMNS = partner.c[
    "number", "id", "kind", "name", "country", "safeguard", "terms_accepted_at", "terms_version", "status"
]


@dataclass(frozen=True)
class Partner:
    """A recipient of data, as the contract with it says."""

    id: str
    kind: PartnerKind
    name: str
    country: str = DEFAULT_COUNTRY
    """ISO 3166-1 alpha-2; outside the EEA a safeguard is needed for member rows (R29)."""
    safeguard: str | None = None
    terms_accepted_at: datetime | None = None
    """When terms were accepted; without, no token (R28)."""
    terms_version: str = "1"
    """Which; whether that will do, `partners.registry.terms` knows."""
    status: Status = Status.ACTIVE
    number: int = 0
    """The database's; 0 while not stored."""

    def may_have_member_rows(self) -> bool:
        """R28 and R29, as `partners.standing` asks them in SQL."""
        return self.terms_accepted_at is not None and (self.country in EEA or self.safeguard is not None)


def add(connection: Connection, new: Partner) -> Partner:
    """Register a partner; raise `RegistryError` if a value is unfit or the id is taken."""
    if not SLUG.fullmatch(new.id):
        raise RegistryError("a partner's id has 1 to 64 letters, digits or the characters . _ -")
    checked = _checked(new)
    known = connection.execute(select(partner.c.status).where(partner.c.id == new.id)).scalar_one_or_none()
    if known == Status.CLOSED:
        raise RegistryError(f"{new.id} was a partner that is closed; its id is never used again")
    if known is not None:
        raise RegistryError(f"there is a partner {new.id} already; ids are unique across kinds")
    number = connection.execute(
        insert(partner)
        .values(id=checked.id, kind=checked.kind, status=checked.status, **_terms(checked))
        .returning(partner.c.number)
    ).scalar_one()
    return replace(checked, number=number)


def get(connection: Connection, identifier: str, *, lock: bool = False) -> Partner:
    """Return a partner, locked to be changed if asked; raise `RegistryError` if there is none, or it cannot be."""
    statement = select(*_COLUMNS).where(partner.c.id == identifier)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise RegistryError(f"there is no partner {identifier}")
    found = _partner(row)
    if lock and found.status is Status.CLOSED:
        raise RegistryError(f"{identifier} is closed for good; nothing of it can be changed")
    return found


def every(connection: Connection) -> Sequence[Partner]:
    """Return all partners, by kind and id."""
    return [_partner(row) for row in connection.execute(select(*_COLUMNS).order_by(partner.c.kind, partner.c.id))]


def change(connection: Connection, changed: Partner) -> Partner:
    """Store a partner's new name, country, safeguard or terms; what it may no longer have, it loses at once."""
    before = get(connection, changed.id, lock=True)
    checked = _checked(changed)
    connection.execute(update(partner).where(partner.c.number == before.number).values(**_terms(checked)))
    lost_terms = before.terms_accepted_at is not None and checked.terms_accepted_at is None
    if lost_terms or (before.may_have_member_rows() and not checked.may_have_member_rows()):
        kill_tokens(connection, client.c.partner == before.number)
    if lost_terms:
        _sign_out(connection, before)
        ending.end_of_partner(connection, before.number)
    return checked


def activate(connection: Connection, identifier: str) -> Partner:
    """Let an invited partner in, once it has accepted the terms."""
    before = get(connection, identifier, lock=True)
    if before.status is not Status.INVITED:
        raise RegistryError(f"{identifier} is {before.status}; only who is invited can be activated")
    if before.terms_accepted_at is None:
        raise RegistryError(
            f"{identifier} has not accepted the terms; record that with `gateway partners accept-terms`"
        )
    return _set_status(connection, before, Status.ACTIVE)


def suspend(connection: Connection, identifier: str) -> Partner:
    """Stop a partner's very next request; tokens it holds stay dead for good."""
    before = get(connection, identifier, lock=True)
    if before.status is Status.INVITED:
        raise RegistryError(f"{identifier} is invited and has nothing to be stopped; close it instead")
    return _set_status(connection, before, Status.SUSPENDED)


def resume(connection: Connection, identifier: str) -> Partner:
    """Let a partner have tokens again; no token from before its suspension lives again.

    If it was suspended for its silence, it has all the time again to acknowledge what it was told (R65).
    """
    before = get(connection, identifier, lock=True)
    if before.status is Status.INVITED:
        raise RegistryError(f"{identifier} is invited; `gateway partners activate` lets it in")
    own = webhook_endpoint.c.partner == before.number
    connection.execute(update(webhook_endpoint).where(own).values(silent_since=None))
    return _set_status(connection, before, Status.ACTIVE)


def close(connection: Connection, identifier: str) -> Partner:
    """End a partner for good: its clients, tokens, people and invitations, and what it allowed others."""
    before = get(connection, identifier, lock=True)
    closed = _set_status(connection, before, Status.CLOSED)
    connection.execute(update(client).where(client.c.partner == before.number).values(status=Status.CLOSED))
    ended = {"status": Status.CLOSED, "invitation": None, "invited_until": None}
    connection.execute(update(person).where(person.c.partner == before.number).values(**ended))
    return closed


def _set_status(connection: Connection, before: Partner, status: Status) -> Partner:
    connection.execute(update(partner).where(partner.c.number == before.number).values(status=status))
    if before.status is not status:
        kill_tokens(connection, client.c.partner == before.number)
        _sign_out(connection, before)
        by = EndedBy.CLOSURE if status is Status.CLOSED else EndedBy.SUSPENSION
        ending.end_of_partner(connection, before.number, by)
    return replace(before, status=status)


def _sign_out(connection: Connection, of: Partner) -> None:
    people = select(person.c.number).where(person.c.partner == of.number)
    connection.execute(delete(person_session).where(person_session.c.person.in_(people)))


def _checked(new: Partner) -> Partner:
    for name, value in (("name", new.name), ("safeguard", new.safeguard)):
        if value is not None and not is_label(value, LONGEST_TEXT):
            raise RegistryError(f"the {name} has 1 to {LONGEST_TEXT} printable characters")
    country = new.country.upper()
    if country not in COUNTRIES:
        raise RegistryError("the country is an ISO 3166-1 alpha-2 code such as LU")
    return replace(new, country=country)


def _terms(of: Partner) -> dict[str, Any]:
    return {
        "name": of.name,
        "country": of.country,
        "safeguard": of.safeguard,
        "terms_accepted_at": of.terms_accepted_at,
        "terms_version": of.terms_version,
    }


def _partner(row: Row[Any]) -> Partner:
    return Partner(
        id=row.id,
        kind=PartnerKind(row.kind),
        name=row.name,
        country=row.country,
        safeguard=row.safeguard,
        terms_accepted_at=row.terms_accepted_at,
        terms_version=row.terms_version,
        status=Status(row.status),
        number=row.number,
    )
