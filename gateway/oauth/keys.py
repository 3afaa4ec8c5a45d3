"""The signing keys as a process holds them: those that verify for a minute, the one that signs for one token."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc.jwk import ECKey
from sqlalchemy import Engine

from partners.keyring import Keyring
from partners.registry import key_life, signing_keys
from partners.registry.signing_keys import KeyState, SigningKey

FRESH_FOR = timedelta(minutes=1)
"""How long a key that was retired elsewhere may be held here; that one was revoked, `partners.standing` knows."""
LEAST_PAUSE = timedelta(milliseconds=100)
"""Between two reads that anyone can cause: by unknown key ids, and by asking for the published set."""


@dataclass(frozen=True)
class _Held:
    read_at: datetime
    stored: tuple[SigningKey, ...]
    public: Mapping[str, ECKey]
    signing: tuple[str, ECKey] | None
    gone: frozenset[str] = frozenset()
    """Keys that were held before: their tokens, still sent for a while, tell of no new key."""


class KeyCabinet:
    """Gives out the key that signs and those that verify."""

    def __init__(self, engine: Engine, keyring: Keyring) -> None:
        """Open nothing yet: the first token causes the first read."""
        self._engine = engine
        self._keyring = keyring
        self._held = _Held(datetime.min.replace(tzinfo=UTC), (), {}, None)

    def signing(self, now: datetime) -> tuple[str, ECKey]:
        """Return the id and private key of the key that signs at this moment everywhere, made if there is none."""
        held = self._read(now)
        if held.signing is None:
            with self._engine.begin() as connection:
                key_life.make_active(connection, self._keyring, now=now)
            held = self._read(now)
        if held.signing is None:
            raise RuntimeError("no signing key although one was just made")
        return held.signing

    def public(self, kid: str | None, now: datetime) -> ECKey | None:
        """Return the key that verifies tokens naming `kid`; nothing once it is retired."""
        held = self._fresh(now)
        if kid not in held.public and kid not in held.gone and now - held.read_at >= LEAST_PAUSE:
            held = self._read(now)
        return held.public.get(kid) if kid is not None else None

    def document(self, now: datetime) -> dict[str, Any]:
        """Return the JWK set to publish (RFC 7517): public members only."""
        if self._fresh(now, LEAST_PAUSE).signing is None:
            self.signing(now)
        return {"keys": [dict(key.public) for key in self._held.stored]}

    def _fresh(self, now: datetime, enough: timedelta = FRESH_FOR) -> _Held:
        # A clock that was set back must not keep old keys alive.
        return self._held if timedelta(0) <= now - self._held.read_at < enough else self._read(now)

    def _read(self, now: datetime) -> _Held:
        with self._engine.connect() as connection:
            stored = signing_keys.published(connection, now=now)
        if stored == self._held.stored:
            self._held = replace(self._held, read_at=now)
            return self._held
        public = {key.id: ECKey.import_key(dict(key.public)) for key in stored}
        private = ((key.id, key.private(self._keyring)) for key in stored if key.state is KeyState.ACTIVE)
        self._held = _Held(
            read_at=now,
            stored=stored,
            public=public,
            signing=next(((kid, key) for kid, key in private if key is not None), None),
            gone=(self._held.gone | self._held.public.keys()) - public.keys(),
        )
        return self._held
