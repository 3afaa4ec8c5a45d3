"""The signing keys as a process holds them: read from the database, again after a minute or for an unknown id."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc.jwk import ECKey
from sqlalchemy import Engine

from partners.keyring import Keyring
from partners.registry import signing_keys
from partners.registry.signing_keys import KeyState, SigningKey

FRESH_FOR = timedelta(minutes=1)
"""How long another process's retirement of a key may go unnoticed here."""
LEAST_PAUSE = timedelta(seconds=1)
"""Between two reads caused by unknown key ids, which anyone can send."""


@dataclass(frozen=True)
class _Held:
    read_at: datetime
    stored: tuple[SigningKey, ...]
    public: Mapping[str, ECKey]
    signing: tuple[str, ECKey] | None


class KeyCabinet:
    """Gives out the key that signs and those that verify."""

    def __init__(self, engine: Engine, keyring: Keyring) -> None:
        """Open nothing yet: the first token causes the first read."""
        self._engine = engine
        self._keyring = keyring
        self._held = _Held(datetime.min.replace(tzinfo=UTC), (), {}, None)

    def signing(self, now: datetime) -> tuple[str, ECKey]:
        """Return the id and private key of the key that signs, made if there is none."""
        held = self._fresh(now)
        if held.signing is None:
            with self._engine.begin() as connection:
                signing_keys.make_active(connection, self._keyring, now=now)
            held = self._read(now)
        if held.signing is None:
            raise RuntimeError("no signing key although one was just made")
        return held.signing

    def public(self, kid: str | None, now: datetime) -> ECKey | None:
        """Return the key that verifies tokens naming `kid`; nothing once it is retired."""
        held = self._fresh(now)
        if kid not in held.public and now - held.read_at >= LEAST_PAUSE:
            held = self._read(now)
        return held.public.get(kid) if kid is not None else None

    def document(self, now: datetime) -> dict[str, Any]:
        """Return the JWK set to publish (RFC 7517): public members only."""
        self.signing(now)
        return {"keys": [dict(key.public) for key in self._held.stored]}

    def _fresh(self, now: datetime) -> _Held:
        # A clock that was set back must not keep old keys alive.
        return self._held if timedelta(0) <= now - self._held.read_at < FRESH_FOR else self._read(now)

    def _read(self, now: datetime) -> _Held:
        with self._engine.connect() as connection:
            stored = signing_keys.published(connection)
        private = ((key.id, key.private(self._keyring)) for key in stored if key.state is KeyState.ACTIVE)
        self._held = _Held(
            read_at=now,
            stored=stored,
            public={key.id: ECKey.import_key(dict(key.public)) for key in stored},
            signing=next(((kid, key) for kid, key in private if key is not None), None),
        )
        return self._held
