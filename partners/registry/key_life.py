"""How signing keys come, sign and go: by the calendar, by an operator's hand, or at once because one has leaked."""

from datetime import datetime, timedelta
from typing import Any

import orjson
from joserfc.jwk import ECKey
from sqlalchemy import Connection, and_, func, insert, select, update

from partners.keyring import Keyring
from partners.postgres.locks import Lock
from partners.registry import RegistryError, tokens
from partners.registry.signing_keys import (
    ALGORITHM,
    KEPT_RETIRING,
    KeyState,
    SigningKey,
    get,
    is_retired,
    published,
    selected,
)
from partners.tables.partner import signing_key

ACTIVE_FOR = timedelta(days=90)
"""After how long `rotate` wants a new key."""


def make_active(connection: Connection, keyring: Keyring, *, now: datetime) -> SigningKey | None:
    """Make a key that signs from now on, and return it; nothing if there is one, as another process may just have."""
    _lock(connection)
    if any(key.state is KeyState.ACTIVE and key.private(keyring) for key in published(connection, now=now)):
        return None
    return _succeed(connection, keyring, now)


def add(connection: Connection, keyring: Keyring, *, now: datetime) -> SigningKey:
    """Make a key that is published from now on and does not sign yet; raise `RegistryError` if one is waiting."""
    _lock(connection)
    waiting = _in_state(published(connection, now=now), KeyState.PENDING)
    if waiting:
        raise RegistryError(f"{waiting[0].id} is pending already; activate it, or retire it")
    return _make(connection, keyring, now)


def activate(
    connection: Connection, keyring: Keyring, identifier: str, *, now: datetime, at_once: bool = False
) -> SigningKey:
    """Sign with a pending key from now on; raise `RegistryError` if it is too new, unless it must be `at_once`."""
    _lock(connection)
    key = get(connection, identifier, now=now)
    if key.state is not KeyState.PENDING:
        raise RegistryError(f"{identifier} is {key.state}; only a pending key can be activated")
    if key.private(keyring) is None:
        raise RegistryError(f"{identifier} was sealed under another GATEWAY_SECRET_KEY; retire it and add a new one")
    if now < key.may_sign_from and not at_once:
        from_then_on = f"{key.may_sign_from:%Y-%m-%dT%H:%M:%SZ}"
        raise RegistryError(f"{identifier} was published too lately: it may sign from {from_then_on} on; see --now")
    return _sign_with(connection, identifier, now)


def retire(connection: Connection, identifier: str, *, now: datetime) -> SigningKey:
    """Accept no token of a key that has done its work; raise `RegistryError` while tokens of it may be alive."""
    _lock(connection)
    key = get(connection, identifier, now=now)
    if key.state is KeyState.ACTIVE:
        raise RegistryError(f"{identifier} signs: activate another first, or revoke it if it has leaked")
    if key.state is KeyState.RETIRING and key.verifies_until is not None and now < key.verifies_until:
        raise RegistryError(f"tokens of {identifier} live until {key.verifies_until:%Y-%m-%dT%H:%M:%SZ}; see revoke")
    _set(connection, identifier, KeyState.RETIRED, retired_at=key.retired_at or now)
    return get(connection, identifier, now=now)


def revoke(connection: Connection, keyring: Keyring, identifier: str, *, now: datetime) -> SigningKey | None:
    """Kill every token of a key with its next request, everywhere; return the key that signs in its stead, if it did.

    A process may still hold the key for a minute: what it signs or takes for valid is refused by `partners.standing`.
    """
    _lock(connection)
    key = get(connection, identifier, now=now)
    _set(connection, identifier, KeyState.RETIRED, retired_at=now)
    tokens.deny(connection, identifier, expires_at=now + KEPT_RETIRING, now=now)
    return _succeed(connection, keyring, now) if key.state is KeyState.ACTIVE else None


def rotate(connection: Connection, keyring: Keyring, *, now: datetime) -> tuple[SigningKey, ...]:
    """Do what is due, and return the keys whose state changed: to be run every day.

    What has done its work is retired; a key that has signed for 90 days gets a successor, which is published at one
    run and signs from a later one on.
    """
    _lock(connection)
    before = {key.id: key.state for key in selected(connection)}
    _set_lapsed(connection, now)
    keys = published(connection, now=now)
    active = _in_state(keys, KeyState.ACTIVE)
    usable = [key for key in _in_state(keys, KeyState.PENDING) if key.private(keyring)]
    due = [key for key in usable if key.may_sign_from <= now]
    if not active:
        _succeed(connection, keyring, now)
    elif active[0].activated_at is None or active[0].activated_at + ACTIVE_FOR <= now:
        if due:
            _sign_with(connection, due[-1].id, now)
        elif not usable:
            _make(connection, keyring, now)
    return tuple(key for key in selected(connection) if before.get(key.id) is not key.state)


def _lock(connection: Connection) -> None:
    connection.execute(select(func.pg_advisory_xact_lock(Lock.CHANGING_KEYS.key)))


def _succeed(connection: Connection, keyring: Keyring, now: datetime) -> SigningKey:
    """Sign with the oldest pending key that others know by now, else with a new one."""
    pending = _in_state(published(connection, now=now), KeyState.PENDING)
    known = [key for key in pending if key.may_sign_from <= now and key.private(keyring)]
    return _sign_with(connection, (known[-1] if known else _make(connection, keyring, now)).id, now)


def _sign_with(connection: Connection, identifier: str, now: datetime) -> SigningKey:
    before = update(signing_key).where(signing_key.c.state == KeyState.ACTIVE)
    connection.execute(before.values(state=KeyState.RETIRING, retiring_at=now, sealed_private=None))
    _set(connection, identifier, KeyState.ACTIVE, activated_at=now)
    return get(connection, identifier, now=now)


def _set(connection: Connection, identifier: str, state: KeyState, **times: datetime) -> None:
    ended: dict[str, Any] = {"sealed_private": None} if state is KeyState.RETIRED else {}
    changed = update(signing_key).where(signing_key.c.id == identifier)
    connection.execute(changed.values(state=state, **times, **ended))


def _set_lapsed(connection: Connection, now: datetime) -> None:
    lapsed = and_(signing_key.c.state == KeyState.RETIRING, is_retired(now))
    retired_at = signing_key.c.retiring_at + KEPT_RETIRING
    connection.execute(update(signing_key).where(lapsed).values(state=KeyState.RETIRED, retired_at=retired_at))


def _in_state(keys: tuple[SigningKey, ...], state: KeyState) -> list[SigningKey]:
    return [key for key in keys if key.state is state]


def _make(connection: Connection, keyring: Keyring, now: datetime) -> SigningKey:
    key = _generated()
    values = {
        "id": key.thumbprint(),
        "algorithm": ALGORITHM,
        "public": key.as_dict(private=False),
        "sealed_private": keyring.seal(orjson.dumps(key.as_dict(private=True))),
        "state": KeyState.PENDING,
        "created_at": now,
    }
    connection.execute(insert(signing_key).values(values))
    return get(connection, key.thumbprint(), now=now)


def _generated() -> ECKey:
    """A key whose id can be typed: one that begins with a hyphen would look like an option of a command."""
    while True:
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
        if not key.thumbprint().startswith("-"):
            return key
