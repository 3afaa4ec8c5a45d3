"""What is remembered about single tokens: assertions and DPoP proofs that were used, tokens that were revoked."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, DateTime, Table, bindparam, delete, or_, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from partners.tables.partner import denied_token, spent_assertion, spent_proof

CLOCK_SKEW = timedelta(minutes=5)
"""What is used up or revoked is remembered a little longer than it could have been valid."""
SWEPT_AT_ONCE = 8
"""So many outlived rows go with each new one: a table stays as small as the traffic, and no caller waits."""


def _noting(table: Table) -> ReturningInsert[Any]:
    """An insert that returns a row to the first who notes something, and sweeps some of what has outlived its time."""
    key, remembered_since = table.primary_key.columns, bindparam("remembered_since", type_=DateTime(timezone=True))
    # Its own row is written anew, and so not deleted: one statement cannot do both.
    others = or_(*(column != bindparam(f"own_{column.name}", type_=column.type) for column in key))
    outlived = (
        select(*key)
        .where(table.c.expires_at < remembered_since, others)
        .limit(SWEPT_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    swept = delete(table).where(tuple_(*key).in_(outlived)).cte("swept")
    noted = insert(table).add_cte(swept)
    again = {"expires_at": noted.excluded.expires_at}
    noted = noted.on_conflict_do_update(index_elements=key, set_=again, where=table.c.expires_at < remembered_since)
    return noted.returning(table.c.expires_at)


_SPEND_ASSERTION, _SPEND_PROOF, _DENY = map(_noting, (spent_assertion, spent_proof, denied_token))


def spend_assertion(connection: Connection, client: str, jti: str, *, expires_at: datetime, now: datetime) -> bool:
    """Note that a client used an assertion; return whether this was the first time, one winner among parallel uses."""
    values = {"client": client, "digest": _digest(jti), "expires_at": expires_at}
    return _is_first(connection, _SPEND_ASSERTION, values, now)


def spend_proof(connection: Connection, key: bytes, jti: str, *, expires_at: datetime, now: datetime) -> bool:
    """Note that the holder of a key used a proof; return whether it was the first time, in one statement.

    `expires_at` says for how long it would be good; of parallel uses one wins, on whatever server (RFC 9449 §11.1).
    """
    return _is_first(connection, _SPEND_PROOF, {"key": key, "digest": _digest(jti), "expires_at": expires_at}, now)


def deny_token(connection: Connection, jti: str, *, expires_at: float, now: datetime) -> None:
    """Revoke an access token by its `jti`; `expires_at` (Unix time) says for how long that must be remembered."""
    deny(connection, jti, expires_at=datetime.fromtimestamp(expires_at, UTC), now=now)


def deny(connection: Connection, identifier: str, *, expires_at: datetime, now: datetime) -> None:
    """Refuse the token of this `jti`, or all that were signed with the key of this id, from the next request on."""
    _is_first(connection, _DENY, {"id": identifier, "expires_at": expires_at}, now)


def _digest(jti: str) -> bytes:
    return hashlib.sha256(jti.encode()).digest()


def _is_first(connection: Connection, noting: ReturningInsert[Any], values: dict[str, Any], now: datetime) -> bool:
    own = {f"own_{name}": value for name, value in values.items()}
    return connection.execute(noting, {**values, **own, "remembered_since": now - CLOCK_SKEW}).first() is not None
