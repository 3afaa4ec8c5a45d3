"""How families end before their time: every token of them is dead at its next use."""

from enum import StrEnum

from sqlalchemy import Connection, func, or_, select, update

from partners.tables.consent import grant_family
from partners.tables.partner import client


class EndedBy(StrEnum):
    """What ends a family before its time."""

    WITHDRAWAL = "withdrawal"
    REVOCATION = "revocation"
    CODE_REPLAY = "code_replay"
    TOKEN_REUSE = "token_reuse"  # noqa: S105 - what happened to a token
    SUSPENSION = "suspension"
    CLOSURE = "closure"


def end(connection: Connection, identifier: str, by: EndedBy) -> bool:
    """End a family: every token of it is dead at its next use. Return whether it was alive."""
    living = (grant_family.c.id == identifier, grant_family.c.ended_at.is_(None))
    statement = update(grant_family).where(*living).values(ended_at=func.now(), ended_by=by)
    return connection.execute(statement).rowcount == 1


def end_of_client(connection: Connection, client_id: str, by: EndedBy = EndedBy.SUSPENSION) -> None:
    """End all that webmasters allowed a client: it must ask again."""
    living = (grant_family.c.client == client_id, grant_family.c.ended_at.is_(None))
    connection.execute(update(grant_family).where(*living).values(ended_at=func.now(), ended_by=by))


def end_of_partner(connection: Connection, number: int, by: EndedBy = EndedBy.SUSPENSION) -> None:
    """End all that a webmaster allowed, or that was allowed to a tracker's clients."""
    clients = select(client.c.id).where(client.c.partner == number)
    concerned = or_(grant_family.c.partner == number, grant_family.c.client.in_(clients))
    statement = update(grant_family).where(concerned, grant_family.c.ended_at.is_(None))
    connection.execute(statement.values(ended_at=func.now(), ended_by=by))
