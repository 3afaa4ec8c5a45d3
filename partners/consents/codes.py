"""Authorization codes: 60 seconds, once, bound to client, redirect URI, PKCE challenge and, if so asked, a key."""

import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from partners.secrets import digest_of
from partners.tables.consent import authorization_code, grant_family

LASTS = timedelta(seconds=60)


@dataclass(frozen=True)
class Binding:
    """What whoever redeems a code must know or hold."""

    redirect_uri: str
    challenge: str
    dpop_key: str | None
    """The thumbprint of the only key that its token may be bound to (RFC 9449 §10); nothing: any, or none."""


@dataclass(frozen=True)
class Code:
    """An issued code; it may be expired or used."""

    digest: bytes
    family: str
    client: str
    binding: Binding


def issue(connection: Connection, family: str, binding: Binding, *, now: datetime) -> str:
    """Return a fresh code of a family; only its digest is kept."""
    code = secrets.token_urlsafe(32)
    values = {"digest": digest_of(code), "family": family, "expires_at": now + LASTS}
    connection.execute(insert(authorization_code).values(**values, **asdict(binding)))
    return code


def find(connection: Connection, code: str) -> Code | None:
    """Return what a code is bound to."""
    table = authorization_code
    columns = (*table.c["digest", "family", "redirect_uri", "challenge", "dpop_key"], grant_family.c.client)
    statement = select(*columns).join_from(table, grant_family).where(table.c.digest == digest_of(code))
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    return Code(row.digest, row.family, row.client, Binding(row.redirect_uri, row.challenge, row.dpop_key))


def redeem(connection: Connection, code: Code, *, now: datetime) -> bool:
    """Use a code up; return whether it was fresh, one winner among parallel uses."""
    fresh = (authorization_code.c.used_at.is_(None), authorization_code.c.expires_at > now)
    statement = update(authorization_code).where(authorization_code.c.digest == code.digest, *fresh)
    return connection.execute(statement.values(used_at=now)).rowcount == 1


def was_used(connection: Connection, code: Code) -> bool:
    """Whether a code was used before."""
    statement = select(authorization_code.c.used_at).where(authorization_code.c.digest == code.digest)
    return connection.execute(statement).scalar_one() is not None
