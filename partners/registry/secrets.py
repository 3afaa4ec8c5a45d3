"""Client secrets: 256 random bits behind a prefix that leak scanners know; only their SHA-256 is kept."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from partners.tables.partner import client_secret

SECRET_PREFIX = "gws_"  # noqa: S105 - the recognisable beginning of every secret
DEFAULT_OVERLAP = timedelta(days=14)


def digest_of(secret: str) -> bytes:
    """Return what is stored of a secret. A slow hash adds nothing to 256 random bits."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


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
