"""When clients were last used: kept to the hour; one that nobody used for 90 days gets no token until it is resumed."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, DateTime, and_, func, literal, or_, update

from partners.registry import acts
from partners.registry.acts import Act
from partners.tables.partner import client, client_secret, partner
from partners.vocabulary import Status

ROUGHLY = timedelta(hours=1)
"""A use within this time of the one noted before is not noted: no request writes for it."""
DORMANT_AFTER = timedelta(days=90)
LAPSE = "oauth.clients.lapse"
ITSELF = "gateway"
"""Who lets clients lapse, as the log names an operator."""


def is_dormant(now: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Hold for an active client whose making, last use and resumption are all 90 days ago."""
    last = func.greatest(client.c.created_at, client.c.last_used_at, client.c.resumed_at)
    return and_(client.c.status == Status.ACTIVE, last <= now - DORMANT_AFTER)


def is_to_be_noted(last_used_at: ColumnElement[datetime | None], now: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Hold if a use now tells more than what is noted."""
    return or_(last_used_at.is_(None), last_used_at <= now - ROUGHLY)


def note(connection: Connection, client_id: str, digest: bytes | None, *, now: datetime) -> None:
    """Note that a client authenticated, by the secret of this digest if by any."""
    connection.execute(update(client).where(client.c.id == client_id).values(last_used_at=now))
    used = (client_secret.c.client == client_id, client_secret.c.digest == digest)
    if digest is not None:
        connection.execute(update(client_secret).where(*used).values(last_used_at=now))


def lapse(connection: Connection, *, now: datetime, client_id: str | None = None) -> Sequence[str]:
    """Let dormant clients lapse, or this one if it is; return which did. Each is on record as an act of the gateway."""
    which = and_(is_dormant(literal(now, DateTime(timezone=True))), client.c.id == (client_id or client.c.id))
    statement = update(client).where(which, client.c.partner == partner.c.number)
    lapsed = connection.execute(statement.values(status=Status.LAPSED).returning(client.c.id, partner.c.id)).all()
    for identifier, owner in lapsed:
        acts.note(connection, Act(LAPSE, partner=owner, client=identifier), operator=ITSELF, now=now)
    return [identifier for identifier, _ in lapsed]
