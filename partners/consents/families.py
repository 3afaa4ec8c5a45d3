"""Families: one consent and every token that comes from it; they end together."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, literal, or_, select, true, update

from partners.people.accounts import Person
from partners.tables.consent import grant_family, person
from partners.tables.partner import client, partner
from partners.vocabulary import Scope, Status

FAMILY_PREFIX = "fam_"
LASTS = timedelta(days=90)
"""From the consent on, however often it is refreshed."""
_OWNER, _TOOL = partner.alias("owner"), partner.alias("tool")


@dataclass(frozen=True)
class Family:
    """What a webmaster allowed a tool."""

    id: str
    client: str
    partner: str
    """The webmaster as whom the tool acts."""
    tool: str
    """The name of the tool's maker."""
    person: str
    """The name of who consented."""
    scopes: tuple[Scope, ...]
    created_at: datetime
    used_at: datetime | None
    """When the tool last got a token."""
    expires_at: datetime
    dpop_bound: bool
    """Whether one of its tokens was bound to a key: from then on all are (RFC 9449)."""
    is_alive: bool
    """Neither ended nor expired, and the webmaster may still allow it."""


def begin(
    connection: Connection, consenting: Person, *, client_id: str, scopes: Sequence[Scope], now: datetime
) -> Family:
    """Begin the family of a consent."""
    identifier = FAMILY_PREFIX + secrets.token_hex(12)
    owner = select(person.c.partner).where(person.c.number == consenting.number).scalar_subquery()
    values = {"id": identifier, "client": client_id, "partner": owner, "person": consenting.number}
    times = {"created_at": now, "expires_at": now + LASTS}
    connection.execute(insert(grant_family).values(**values, **times, scopes=list(scopes)))
    return get(connection, identifier, now=now)


def get(connection: Connection, identifier: str, *, now: datetime, lock: bool = False) -> Family:
    """Return a family that there is; locked, nothing else happens to it before this transaction ends."""
    statement = _selected().where(grant_family.c.id == identifier)
    row = connection.execute(statement.with_for_update(of=grant_family) if lock else statement).one()
    return _family(row, now)


def of_partner(connection: Connection, partner_id: str, *, now: datetime, unused: bool = False) -> list[Family]:
    """Return what a webmaster allows now and has been made use of, the newest first; `unused` adds what has not yet."""
    used = true() if unused else grant_family.c.used_at.is_not(None)
    statement = _selected().where(_OWNER.c.id == partner_id, used)
    families = [_family(row, now) for row in connection.execute(statement.order_by(grant_family.c.created_at.desc()))]
    return [family for family in families if family.is_alive]


def note_use(connection: Connection, identifier: str, *, dpop_bound: bool, now: datetime) -> None:
    """Note that the tool got a token, and whether it is bound to a key: what was bound once stays so."""
    noted = {"used_at": now, "dpop_bound": or_(grant_family.c.dpop_bound, literal(dpop_bound))}
    connection.execute(update(grant_family).where(grant_family.c.id == identifier).values(**noted))


def _selected() -> Select[Any]:
    return select(
        *grant_family.c["id", "client", "scopes", "created_at", "used_at", "expires_at", "ended_at", "dpop_bound"],
        _OWNER.c.id.label("owner"),
        _OWNER.c.status,
        _OWNER.c.terms_accepted_at,
        _TOOL.c.name.label("tool"),
        person.c.name.label("person"),
    ).select_from(
        grant_family.join(_OWNER, grant_family.c.partner == _OWNER.c.number)
        .join(client, grant_family.c.client == client.c.id)
        .join(_TOOL, client.c.partner == _TOOL.c.number)
        .join(person, grant_family.c.person == person.c.number)
    )


def _family(row: Row[Any], now: datetime) -> Family:
    unhindered = Status(row.status) is Status.ACTIVE and row.terms_accepted_at is not None
    return Family(
        id=row.id,
        client=row.client,
        partner=row.owner,
        tool=row.tool,
        person=row.person,
        scopes=tuple(Scope(scope) for scope in row.scopes),
        created_at=row.created_at,
        used_at=row.used_at,
        expires_at=row.expires_at,
        dpop_bound=row.dpop_bound,
        is_alive=unhindered and row.ended_at is None and now < row.expires_at,
    )
