"""Authorization codes: 60 seconds, once, bound to client, redirect URI and PKCE challenge."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from partners.registry.secrets import digest_of
from partners.tables.consent import authorization_code, grant_family

LASTS = timedelta(seconds=60)


@dataclass(frozen=True)
class Code:
    """An issued code; it may be expired or used."""

    digest: bytes
    family: str
    client: str
    redirect_uri: str
    challenge: str


def issue(connection: Connection, family: str, *, redirect_uri: str, challenge: str, now: datetime) -> str:
    """Return a fresh code of a family; only its digest is kept."""
    code = secrets.token_urlsafe(32)
    bound = {"redirect_uri": redirect_uri, "challenge": challenge, "expires_at": now + LASTS}
    connection.execute(insert(authorization_code).values(digest=digest_of(code), family=family, **bound))
    return code


def find(connection: Connection, code: str) -> Code | None:
    """Return what a code is bound to."""
    table = authorization_code
    columns = (*table.c["digest", "family", "redirect_uri", "challenge"], grant_family.c.client)
    statement = select(*columns).join_from(table, grant_family).where(table.c.digest == digest_of(code))
    row = connection.execute(statement).mappings().one_or_none()
    return Code(**row) if row is not None else None


def redeem(connection: Connection, code: Code, *, now: datetime) -> bool:
    """Use a code up; return whether it was fresh, one winner among parallel uses."""
    fresh = (authorization_code.c.used_at.is_(None), authorization_code.c.expires_at > now)
    statement = update(authorization_code).where(authorization_code.c.digest == code.digest, *fresh)
    return connection.execute(statement.values(used_at=now)).rowcount == 1


def was_used(connection: Connection, code: Code) -> bool:
    """Whether a code was used before."""
    statement = select(authorization_code.c.used_at).where(authorization_code.c.digest == code.digest)
    return connection.execute(statement).scalar_one() is not None
