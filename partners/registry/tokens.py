"""What is remembered about single tokens: assertions and DPoP proofs that were used, tokens that were revoked."""

import hashlib
from datetime import UTC, datetime

from sqlalchemy import Connection, DateTime, bindparam, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from partners.tables.partner import denied_token, spent_assertion, spent_proof

SWEPT_AT_ONCE = 8
"""So many outlived proofs go with each new one: the table stays as small as the traffic, and no caller waits."""
_OUTLIVED = (
    select(*spent_proof.primary_key.columns)
    .where(spent_proof.c.expires_at < bindparam("now", type_=DateTime(timezone=True)))
    .limit(SWEPT_AT_ONCE)
    .with_for_update(skip_locked=True)
)
_SPEND_PROOF = (
    insert(spent_proof)
    .add_cte(delete(spent_proof).where(tuple_(*spent_proof.primary_key.columns).in_(_OUTLIVED)).cte("swept"))
    .on_conflict_do_nothing()
    .returning(spent_proof.c.expires_at)
)


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


def spend_proof(connection: Connection, key: bytes, jti: str, *, expires_at: datetime, now: datetime) -> bool:
    """Note that the holder of a key used a proof; return whether it was the first time, in one statement.

    `expires_at` says for how long it would be good; of parallel uses one wins, on whatever server (RFC 9449 §11.1).
    """
    digest = hashlib.sha256(jti.encode()).digest()
    values = {"key": key, "digest": digest, "expires_at": expires_at, "now": now}
    return connection.execute(_SPEND_PROOF, values).first() is not None


def deny_token(connection: Connection, jti: str, *, expires_at: float, now: datetime) -> None:
    """Revoke an access token by its `jti`; `expires_at` (Unix time) says for how long that must be remembered."""
    deny(connection, jti, expires_at=datetime.fromtimestamp(expires_at, UTC), now=now)


def deny(connection: Connection, identifier: str, *, expires_at: datetime, now: datetime) -> None:
    """Refuse the token of this `jti`, or all that were signed with the key of this id, from the next request on."""
    connection.execute(delete(denied_token).where(denied_token.c.expires_at < now))
    connection.execute(insert(denied_token).values(id=identifier, expires_at=expires_at).on_conflict_do_nothing())
