"""The gateway's own keys for access tokens, sealed in the database: pending, active, retiring, retired."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from joserfc.jwk import ECKey
from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select

from partners.keyring import Keyring
from partners.registry import RegistryError
from partners.tables.partner import signing_key

ALGORITHM = "ES256"
MAX_AGE = timedelta(minutes=5)
"""For how long anybody may keep the published set."""
PUBLISHED_BEFORE = 2 * MAX_AGE
"""How long a key is published at least before it signs, so that whoever verifies has it by then."""
KEPT_RETIRING = timedelta(minutes=12)
"""How long a key verifies after it last signed: the life of a token and more than clocks may differ by."""


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
    sealed_private: bytes | None = field(repr=False)
    """Nothing once it does not sign any more."""
    created_at: datetime
    activated_at: datetime | None
    retiring_at: datetime | None
    retired_at: datetime | None

    @property
    def may_sign_from(self) -> datetime:
        """When a pending key has been published for long enough."""
        return self.created_at + PUBLISHED_BEFORE

    @property
    def verifies_until(self) -> datetime | None:
        """When a key that no longer signs is retired."""
        return self.retiring_at + KEPT_RETIRING if self.retiring_at else None

    def private(self, keyring: Keyring) -> ECKey | None:
        """Return the key that signs; nothing if it was sealed under another secret, or signs no more."""
        if self.sealed_private is None:
            return None
        try:
            return ECKey.import_key(orjson.loads(keyring.unseal(self.sealed_private)))
        except InvalidTag:
            return None


def published(connection: Connection, *, now: datetime) -> tuple[SigningKey, ...]:
    """Return every key that verifies tokens or soon will, the newest first."""
    return selected(connection, ~is_retired(now))


def every(connection: Connection, *, now: datetime) -> tuple[SigningKey, ...]:
    """Return the retired keys too; one whose time is over is retired, whether or not `rotate` has come by."""
    retired = {row.id for row in connection.execute(select(signing_key.c.id).where(is_retired(now)))}
    return tuple(_as_retired(key) if key.id in retired else key for key in selected(connection))


def get(connection: Connection, identifier: str, *, now: datetime) -> SigningKey:
    """Return a key; raise `RegistryError` if there is none."""
    found = next((key for key in every(connection, now=now) if key.id == identifier), None)
    if found is None:
        raise RegistryError(f"there is no key {identifier}; `gateway keys list` names them")
    return found


def refuse_another_secret(connection: Connection, keyring: Keyring) -> None:
    """Raise `RegistryError` where none of the keys that still sign is this secret's.

    With another, references would lead nowhere, former usernames and erased members not be known again, and what is
    sealed be of no use to any server. Nothing can be said where no such key is stored.
    """
    sealed = selected(connection, signing_key.c.sealed_private.is_not(None))
    if sealed and not any(key.private(keyring) for key in sealed):
        raise RegistryError("GATEWAY_SECRET_KEY is not the one that this database was written with")


def is_retired(now: datetime) -> ColumnElement[bool]:
    """Hold for a key that verifies nothing any more, whether or not that was written down."""
    lapsed = and_(signing_key.c.state == KeyState.RETIRING, signing_key.c.retiring_at <= now - KEPT_RETIRING)
    return or_(signing_key.c.state == KeyState.RETIRED, lapsed)


def _as_retired(key: SigningKey) -> SigningKey:
    return SigningKey(**{**vars(key), "state": KeyState.RETIRED, "retired_at": key.retired_at or key.verifies_until})


def selected(connection: Connection, *criteria: ColumnElement[bool]) -> tuple[SigningKey, ...]:
    """Return keys as they are stored, the newest first."""
    newest_first = (signing_key.c.created_at.desc(), signing_key.c.id)
    return tuple(map(_key, connection.execute(select(signing_key).where(*criteria).order_by(*newest_first))))


def _key(row: Row[Any]) -> SigningKey:
    sealed = bytes(row.sealed_private) if row.sealed_private is not None else None
    times = (row.created_at, row.activated_at, row.retiring_at, row.retired_at)
    return SigningKey(row.id, KeyState(row.state), row.public, sealed, *times)
