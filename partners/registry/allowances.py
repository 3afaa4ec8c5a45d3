"""Rates that single partners were given instead of the usual ones."""

import re

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from partners.registry import RegistryError, partners
from partners.tables.outbox import webhook_endpoint
from partners.tables.partner import partner, partner_limit
from partners.vocabulary import Work

_RATE = re.compile(r"[1-9][0-9]{0,8}/(second|minute|hour|day)")
_EVERY = select(partner.c.id, partner_limit.c.work, partner_limit.c.rate).join(
    partner, partner.c.number == partner_limit.c.partner
)
_THROTTLED = select(partner.c.id).join(webhook_endpoint).where(webhook_endpoint.c.throttled_at.is_not(None))


def every(connection: Connection) -> dict[tuple[str, Work], str]:
    """Return all of them by partner and kind of work."""
    return {(row.id, Work(row.work)): row.rate for row in connection.execute(_EVERY)}


def throttled(connection: Connection) -> frozenset[str]:
    """Return the partners that did not acknowledge what they were told, and have a part of every limit only (R65)."""
    return frozenset(connection.execute(_THROTTLED).scalars())


def give(connection: Connection, partner_id: str, work: Work, rate: str | None) -> None:
    """Give a partner a rate such as `100/minute`, or with None the usual one again; raise `RegistryError`."""
    number = partners.get(connection, partner_id, lock=True).number
    if rate is None:
        own = (partner_limit.c.partner == number) & (partner_limit.c.work == work)
        connection.execute(delete(partner_limit).where(own))
        return
    check_rate(rate)
    given = insert(partner_limit).values(partner=number, work=work, rate=rate)
    connection.execute(given.on_conflict_do_update(index_elements=["partner", "work"], set_={"rate": rate}))


def check_rate(rate: str) -> str:
    """Return a rate; raise `RegistryError` if it is none."""
    if not _RATE.fullmatch(rate):
        raise RegistryError("a rate is a number and a unit, such as 100/minute; units: second, minute, hour, day")
    return rate
