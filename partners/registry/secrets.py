"""Client secrets: 256 random bits behind a prefix that leak scanners know; only their SHA-256 is kept."""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from partners.secrets import digest_of
from partners.tables.partner import client_secret

SECRET_PREFIX = "gws_"  # noqa: S105 - the recognisable beginning of every secret
_ID_DIGITS = 12


@dataclass(frozen=True)
class Secret:
    """A stored secret, as an operator sees it: never the secret itself."""

    id: str
    """The beginning of its digest, in hex."""
    created_at: datetime
    expires_at: datetime | None
    """When it ends, of one that was rotated away."""
    last_used_at: datetime | None
    """To the hour."""


def matches(secret: str, digests: Iterable[bytes]) -> bool:
    """Hold if the secret is one of those stored, in the same time whichever it is."""
    offered = digest_of(secret)
    verdicts = [hmac.compare_digest(offered, stored) for stored in (*digests, bytes(32))]
    return any(verdicts)


def add(connection: Connection, client: str, *, now: datetime) -> str:
    """Give a client its first secret and return it: it cannot be shown again."""
    secret = SECRET_PREFIX + secrets.token_urlsafe(32)
    connection.execute(insert(client_secret).values(client=client, digest=digest_of(secret), created_at=now))
    return secret


def rotate(connection: Connection, client: str, *, overlap: timedelta, now: datetime) -> str:
    """Return a new secret; the newest before it works until `overlap` has passed, older ones are gone at once."""
    held = client_secret.c
    live = connection.execute(
        select(held.digest, held.expires_at)
        .where(held.client == client)
        .order_by(held.expires_at.desc().nulls_first(), held.created_at.desc())
        .with_for_update()
    ).all()
    connection.execute(
        delete(client_secret).where(held.client == client, held.digest.not_in([row.digest for row in live[:1]]))
    )
    for row in live[:1]:
        ends = now + overlap if row.expires_at is None else min(row.expires_at, now + overlap)
        connection.execute(update(client_secret).where(held.digest == row.digest).values(expires_at=ends))
    return add(connection, client, now=now)


def of_clients(connection: Connection, clients: Iterable[str]) -> dict[str, tuple[Secret, ...]]:
    """Return the secrets that work now, by client, the newest first."""
    live = or_(client_secret.c.expires_at.is_(None), client_secret.c.expires_at > func.now())
    statement = select(client_secret).where(client_secret.c.client.in_(list(clients)), live)
    found: dict[str, tuple[Secret, ...]] = {}
    for row in connection.execute(statement.order_by(client_secret.c.created_at.desc(), client_secret.c.digest)):
        secret = Secret(id_of(row.digest), row.created_at, row.expires_at, row.last_used_at)
        found[row.client] = (*found.get(row.client, ()), secret)
    return found


def remove(connection: Connection, client: str, identifier: str | None) -> list[str]:
    """End one secret of a client, or all, at once; return the ids of those there were."""
    held = client_secret.c
    digests = connection.execute(select(held.digest).where(held.client == client)).scalars()
    ended = [bytes(digest) for digest in digests if identifier in {None, id_of(digest)}]
    connection.execute(delete(client_secret).where(held.client == client, held.digest.in_(ended)))
    return [id_of(digest) for digest in ended]


def id_of(digest: bytes) -> str:
    """Return the name by which operators speak of a secret."""
    return bytes(digest).hex()[:_ID_DIGITS]
