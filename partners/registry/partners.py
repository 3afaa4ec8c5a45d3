"""Partners: registered, changed, suspended and resumed; every narrowing kills the tokens issued before it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from partners.consents import ending
from partners.countries import COUNTRIES
from partners.registry import RegistryError
from partners.tables.partner import client, partner
from partners.vocabulary import EEA, PartnerKind, Status

DEFAULT_COUNTRY = "LU"
LONGEST_TEXT = 200
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_COLUMNS = partner.c["number", "id", "kind", "name", "country", "safeguard", "terms_accepted_at", "status"]


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
    """When the current terms were accepted; without, no token (R28)."""
    status: Status = Status.ACTIVE
    number: int = 0
    """The database's; 0 while not stored."""

    def may_have_member_rows(self) -> bool:
        """R28 and R29, as `partners.standing` asks them in SQL."""
        return self.terms_accepted_at is not None and (self.country in EEA or self.safeguard is not None)


def add(connection: Connection, new: Partner) -> Partner:
    """Register a partner; raise `RegistryError` if a value is unfit or the id is taken."""
    if not _ID.fullmatch(new.id):
        raise RegistryError("a partner's id has 1 to 64 letters, digits or the characters . _ -")
    checked = _checked(new)
    if connection.execute(select(partner.c.id).where(partner.c.id == new.id)).first() is not None:
        raise RegistryError(f"there is a partner {new.id} already; ids are unique across kinds")
    number = connection.execute(
        insert(partner)
        .values(id=checked.id, kind=checked.kind, status=checked.status, **_terms(checked))
        .returning(partner.c.number)
    ).scalar_one()
    return replace(checked, number=number)


def get(connection: Connection, identifier: str, *, lock: bool = False) -> Partner:
    """Return a partner, locked against changes if asked; raise `RegistryError` if there is none."""
    statement = select(*_COLUMNS).where(partner.c.id == identifier)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise RegistryError(f"there is no partner {identifier}")
    return _partner(row)


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
        _kill_tokens(connection, before)
    if lost_terms:
        ending.end_of_partner(connection, before.number)
    return checked


def suspend(connection: Connection, identifier: str) -> Partner:
    """Stop a partner's very next request; tokens it holds stay dead for good."""
    return _set_status(connection, identifier, Status.SUSPENDED)


def resume(connection: Connection, identifier: str) -> Partner:
    """Let a partner have tokens again; no token from before its suspension lives again."""
    return _set_status(connection, identifier, Status.ACTIVE)


def _set_status(connection: Connection, identifier: str, status: Status) -> Partner:
    before = get(connection, identifier, lock=True)
    connection.execute(update(partner).where(partner.c.number == before.number).values(status=status))
    if before.status is not status:
        _kill_tokens(connection, before)
        ending.end_of_partner(connection, before.number)
    return replace(before, status=status)


def _kill_tokens(connection: Connection, of: Partner) -> None:
    connection.execute(update(client).where(client.c.partner == of.number).values(version=client.c.version + 1))


def _checked(new: Partner) -> Partner:
    for name, value in (("name", new.name), ("safeguard", new.safeguard)):
        if value is not None and not (value.strip() and len(value) <= LONGEST_TEXT and value.isprintable()):
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
    }


def _partner(row: Row[Any]) -> Partner:
    return Partner(
        id=row.id,
        kind=PartnerKind(row.kind),
        name=row.name,
        country=row.country,
        safeguard=row.safeguard,
        terms_accepted_at=row.terms_accepted_at,
        status=Status(row.status),
        number=row.number,
    )
