"""What is remembered about single tokens: assertions that were used, and access tokens that were revoked."""

import hashlib
from datetime import UTC, datetime

from sqlalchemy import Connection, delete
from sqlalchemy.dialects.postgresql import insert

from partners.tables.partner import denied_token, spent_assertion


def spend_assertion(connection: Connection, client: str, jti: str, *, expires_at: datetime, now: datetime) -> bool:
    """Note that a client used an assertion; return whether this was the first time, one winner among parallel uses."""
    digest = hashlib.sha256(jti.encode()).digest()
    connection.execute(delete(spent_assertion).where(spent_assertion.c.expires_at < now))
    first = connection.execute(
        insert(spent_assertion)
        .values(client=client, digest=digest, expires_at=expires_at)
        .on_conflict_do_nothing()
        .returning(spent_assertion.c.client)
    ).first()
    return first is not None


def deny_token(connection: Connection, jti: str, *, expires_at: float, now: datetime) -> None:
    """Revoke an access token by its `jti`; `expires_at` (Unix time) says for how long that must be remembered."""
    deny(connection, jti, expires_at=datetime.fromtimestamp(expires_at, UTC), now=now)


def deny(connection: Connection, identifier: str, *, expires_at: datetime, now: datetime) -> None:
    """Refuse the token of this `jti`, or all that were signed with the key of this id, from the next request on."""
    connection.execute(delete(denied_token).where(denied_token.c.expires_at < now))
    connection.execute(insert(denied_token).values(id=identifier, expires_at=expires_at).on_conflict_do_nothing())
