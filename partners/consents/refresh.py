"""Refresh tokens: rotated at every use, with a minute's grace for an answer that was lost."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, exists, insert, select, update

from partners.secrets import digest_of
from partners.tables.consent import grant_family, refresh_token

TOKEN_PREFIX = "gwr_"  # noqa: S105 - the recognisable beginning of every refresh token
GRACE = timedelta(seconds=60)


class Use(StrEnum):
    """What presenting a token comes to."""

    ROTATED = "rotated"
    REFUSED = "refused"
    REUSED = "reused"
    """Two parties hold tokens of this family: it must end."""


@dataclass(frozen=True)
class Held:
    """A token as it was issued."""

    digest: bytes
    family: str
    client: str


def issue(connection: Connection, family: str, predecessor: bytes | None) -> str:
    """Return a fresh token of a family; only its digest is kept."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    values = {"digest": digest_of(token), "family": family, "predecessor": predecessor}
    connection.execute(insert(refresh_token).values(**values))
    return token


def find(connection: Connection, token: str) -> Held | None:
    """Return what a token belongs to, whatever has become of it."""
    columns = (*refresh_token.c["digest", "family"], grant_family.c.client)
    statement = select(*columns).join_from(refresh_token, grant_family)
    row = connection.execute(statement.where(refresh_token.c.digest == digest_of(token))).mappings().one_or_none()
    return Held(**row) if row is not None else None


def is_current(connection: Connection, held: Held) -> bool:
    """Whether it is the token that its client should use next."""
    row = _row(connection, held)
    return row.used_at is None and row.superseded_at is None


def use(connection: Connection, held: Held, *, now: datetime) -> Use:
    """Decide on a presented token and note its use; the caller has locked the family.

    A token may come again within a minute while none of its successors was used: the unused one is superseded.
    """
    row = _row(connection, held)
    if row.superseded_at is not None:
        # In that minute it is a client that asked twice at once, and kept the wrong answer.
        return Use.REFUSED if now - row.superseded_at <= GRACE else Use.REUSED
    if row.used_at is not None and (now - row.used_at > GRACE or _successor_was_used(connection, held)):
        return Use.REUSED
    fresh = (refresh_token.c.digest == held.digest, refresh_token.c.used_at.is_(None))
    connection.execute(update(refresh_token).where(*fresh).values(used_at=now))
    living = (refresh_token.c.predecessor == held.digest, refresh_token.c.superseded_at.is_(None))
    connection.execute(update(refresh_token).where(*living).values(superseded_at=now))
    return Use.ROTATED


def _row(connection: Connection, held: Held) -> Row[Any]:
    columns = refresh_token.c["used_at", "superseded_at"]
    return connection.execute(select(*columns).where(refresh_token.c.digest == held.digest)).one()


def _successor_was_used(connection: Connection, held: Held) -> bool:
    used = exists().where(refresh_token.c.predecessor == held.digest, refresh_token.c.used_at.is_not(None))
    return bool(connection.execute(select(used)).scalar_one())
