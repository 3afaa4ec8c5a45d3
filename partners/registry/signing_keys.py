"""The gateway's own keys for access tokens: made on first need, sealed in the database, their public part published."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from joserfc.jwk import ECKey
from sqlalchemy import Connection, func, insert, select, update

from partners.keyring import Keyring
from partners.tables.partner import signing_key

ALGORITHM = "ES256"
_MAKING = 0x5349474E
"""Key of the advisory lock under which a first key is made."""


class KeyState(StrEnum):
    """The life of a signing key."""

    PENDING = "pending"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"


@dataclass(frozen=True)
class SigningKey:
    """A stored key; all but the retired are published."""

    id: str
    state: KeyState
    public: Mapping[str, Any]
    sealed_private: bytes = field(repr=False)

    def private(self, keyring: Keyring) -> ECKey | None:
        """Return the key that signs; nothing if it was sealed under another secret."""
        try:
            return ECKey.import_key(orjson.loads(keyring.unseal(self.sealed_private)))
        except InvalidTag:
            return None


def published(connection: Connection) -> tuple[SigningKey, ...]:
    """Return every key that still verifies tokens, the newest first."""
    rows = connection.execute(
        select(signing_key)
        .where(signing_key.c.state != KeyState.RETIRED)
        .order_by(signing_key.c.created_at.desc(), signing_key.c.id)
    )
    return tuple(SigningKey(row.id, KeyState(row.state), row.public, row.sealed_private) for row in rows)


def make_active(connection: Connection, keyring: Keyring, *, now: datetime) -> None:
    """Make a key that signs from now on, unless another process just has."""
    connection.execute(select(func.pg_advisory_xact_lock(_MAKING)))
    usable = (key for key in published(connection) if key.state is KeyState.ACTIVE and key.private(keyring))
    if next(usable, None) is None:
        _make(connection, keyring, now=now)


def rotate(connection: Connection, keyring: Keyring, *, now: datetime) -> None:
    """Sign with a new key from now on; tokens of the old one stay valid until it is retired."""
    connection.execute(select(func.pg_advisory_xact_lock(_MAKING)))
    connection.execute(
        update(signing_key).where(signing_key.c.state == KeyState.ACTIVE).values(state=KeyState.RETIRING)
    )
    _make(connection, keyring, now=now)


def retire(connection: Connection, identifier: str) -> bool:
    """Stop accepting tokens signed with a key; return whether there is such a key."""
    statement = update(signing_key).where(signing_key.c.id == identifier).values(state=KeyState.RETIRED)
    return connection.execute(statement).rowcount == 1


def _make(connection: Connection, keyring: Keyring, *, now: datetime) -> None:
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
    connection.execute(
        insert(signing_key).values(
            id=key.thumbprint(),
            algorithm=ALGORITHM,
            public=key.as_dict(private=False),
            sealed_private=keyring.seal(orjson.dumps(key.as_dict(private=True))),
            state=KeyState.ACTIVE,
            created_at=now,
        )
    )
