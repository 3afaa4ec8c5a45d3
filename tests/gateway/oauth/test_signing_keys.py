"""The gateway's own keys: made once however many start at once, one signing, overlapping in rotation, sealed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from gateway.application import create_app
from gateway.oauth import jose
from gateway.oauth.jose import Untrusted
from gateway.oauth.keys import FRESH_FOR, KeyCabinet
from gateway.oauth.tokens import CLOCK_SKEW_S, LIFETIME
from gateway.settings import Settings
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.registry import RegistryError, key_life, signing_keys
from partners.registry.key_life import ACTIVE_FOR
from partners.registry.signing_keys import KEPT_RETIRING, MAX_AGE, PUBLISHED_BEFORE, KeyState
from partners.tables.partner import denied_token, signing_key
from tests.callers import access_token, add_caller, basic, bearer
from tests.conftest import SECRET
from tests.gateway.oauth.conftest import add_probes

KEYRING = Keyring(SECRET)
NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def connection(module_db: Database) -> Iterator[Connection]:
    """A transaction on a database without keys, rolled back."""
    with module_db.write.connect() as opened:
        yield opened


def _states(connection: Connection, now: datetime) -> dict[str, KeyState]:
    return {key.id: key.state for key in signing_keys.every(connection, now=now)}


def _active(connection: Connection, now: datetime) -> str:
    (only,) = (key.id for key in signing_keys.published(connection, now=now) if key.state is KeyState.ACTIVE)
    return only


def test_of_processes_starting_at_once_one_makes_the_key(db: Database) -> None:
    with db.write.begin() as connection:
        connection.execute(delete(signing_key))
    cabinets = [KeyCabinet(db.write, KEYRING) for _ in range(6)]

    with ThreadPoolExecutor(6) as pool:
        kids = list(pool.map(lambda cabinet: cabinet.signing(datetime.now(UTC))[0], cabinets))

    with db.write.connect() as connection:
        stored = connection.execute(select(signing_key.c.id)).scalars().all()
    assert kids == [stored[0]] * 6


def test_the_private_part_is_sealed_and_goes_when_it_signs_no_more(http: FlaskClient, db: Database) -> None:
    access_token(http, add_caller(db))
    with db.write.connect() as connection:
        now = datetime.now(UTC)
        kid = _active(connection, now)
        key = signing_keys.get(connection, kid, now=now)
        row = connection.execute(select(signing_key).where(signing_key.c.id == kid)).one()
        next_one = key_life.add(connection, KEYRING, now=now)
        key_life.activate(connection, KEYRING, next_one.id, now=now + PUBLISHED_BEFORE)
        after = signing_keys.get(connection, kid, now=now + PUBLISHED_BEFORE)

    assert b'"d"' not in row.sealed_private
    assert "d" not in row.public
    assert key.private(KEYRING) is not None
    assert key.private(Keyring("another secret key that is long enough")) is None
    assert "sealed_private" not in repr(key)
    assert (after.state, after.sealed_private, after.private(KEYRING)) == (KeyState.RETIRING, None, None)


def test_the_periods_cover_what_others_keep_and_what_tokens_live() -> None:
    """A published set may be a minute old here and `MAX_AGE` elsewhere before a key signs; tokens outlive it not."""
    assert PUBLISHED_BEFORE >= 2 * MAX_AGE
    assert PUBLISHED_BEFORE > MAX_AGE + FRESH_FOR
    assert LIFETIME + timedelta(seconds=CLOCK_SKEW_S) < KEPT_RETIRING


def test_a_pending_key_signs_once_it_was_published_for_twice_the_max_age(connection: Connection) -> None:
    key_life.make_active(connection, KEYRING, now=NOW)
    first, waiting = _active(connection, NOW), key_life.add(connection, KEYRING, now=NOW)
    assert {key.id for key in signing_keys.published(connection, now=NOW)} == {first, waiting.id}
    with pytest.raises(RegistryError, match="pending already"):
        key_life.add(connection, KEYRING, now=NOW)

    with pytest.raises(RegistryError, match="2026-11-01T12:10:00Z"):
        key_life.activate(connection, KEYRING, waiting.id, now=NOW + PUBLISHED_BEFORE - timedelta(seconds=1))
    key_life.activate(connection, KEYRING, waiting.id, now=NOW + PUBLISHED_BEFORE)

    assert _states(connection, NOW + PUBLISHED_BEFORE) == {first: KeyState.RETIRING, waiting.id: KeyState.ACTIVE}
    with pytest.raises(RegistryError, match="only a pending key"):
        key_life.activate(connection, KEYRING, first, now=NOW + PUBLISHED_BEFORE)


def test_a_key_that_cannot_wait_is_activated_at_once(connection: Connection) -> None:
    key_life.make_active(connection, KEYRING, now=NOW)
    waiting = key_life.add(connection, KEYRING, now=NOW)

    key_life.activate(connection, KEYRING, waiting.id, now=NOW, at_once=True)

    assert _active(connection, NOW) == waiting.id


def test_a_retiring_key_is_kept_while_its_tokens_live_and_then_retires_by_itself(connection: Connection) -> None:
    key_life.make_active(connection, KEYRING, now=NOW)
    old, new = _active(connection, NOW), key_life.add(connection, KEYRING, now=NOW)
    with pytest.raises(RegistryError, match="activate another first"):
        key_life.retire(connection, old, now=NOW)
    key_life.activate(connection, KEYRING, new.id, now=NOW, at_once=True)
    until = NOW + KEPT_RETIRING

    with pytest.raises(RegistryError, match="live until"):
        key_life.retire(connection, old, now=until - timedelta(seconds=1))

    assert old in {key.id for key in signing_keys.published(connection, now=until - timedelta(seconds=1))}
    assert old not in {key.id for key in signing_keys.published(connection, now=until)}
    assert signing_keys.get(connection, old, now=until).retired_at == until
    assert key_life.retire(connection, old, now=until + timedelta(days=1)).retired_at == until


def test_the_calendar_replaces_a_key_after_ninety_days(connection: Connection) -> None:
    def at(days: float) -> list[KeyState]:
        changed = key_life.rotate(connection, KEYRING, now=NOW + timedelta(days=days))
        return sorted(key.state for key in changed)

    due = ACTIVE_FOR.days
    steps = [at(day) for day in (0, 1, due - 0.1, due, due + 0.001, due + 1, due + 1.005, due + 1.01, due + 2)]

    assert steps == [["active"], [], [], ["pending"], [], ["active", "retiring"], [], ["retired"], []]
    assert sorted(_states(connection, NOW + timedelta(days=200)).values()) == ["active", "retired"]


def test_a_waiting_key_of_a_former_secret_does_not_stop_the_calendar(connection: Connection) -> None:
    key_life.make_active(connection, KEYRING, now=NOW)
    lost = key_life.add(connection, Keyring("a former secret key that is long enough"), now=NOW)
    due = NOW + ACTIVE_FOR

    made, signing = (key_life.rotate(connection, KEYRING, now=due + timedelta(days=day)) for day in (0, 1))

    assert [key.state for key in made] == [KeyState.PENDING]
    assert _active(connection, due + timedelta(days=1)) == made[0].id != lost.id
    assert {key.state for key in signing} == {KeyState.ACTIVE, KeyState.RETIRING}


def test_the_database_holds_that_one_key_signs(connection: Connection) -> None:
    key_life.make_active(connection, KEYRING, now=NOW)
    another = {"id": "x", "algorithm": "ES256", "public": {}, "sealed_private": b"", "state": KeyState.ACTIVE}

    with pytest.raises(IntegrityError, match="ix_signing_key_active"):
        connection.execute(insert(signing_key).values(another))


def test_tokens_of_the_previous_key_live_until_it_is_retired(
    http: FlaskClient, db: Database, settings: Settings, database_url: str
) -> None:
    """Check 57 of the research note."""
    caller = add_caller(db)
    old = access_token(http, caller)
    now = datetime.now(UTC)
    with db.write.begin() as connection:
        pending = key_life.add(connection, KEYRING, now=now)
        key_life.activate(connection, KEYRING, pending.id, now=now, at_once=True)

    new = access_token(http, caller)
    with _another_process(settings, database_url) as fresh:
        overlap = [_status(each, token) for each in (http, fresh) for token in (old, new)]
    with db.write.begin() as connection:
        connection.execute(signing_key.update().values(retiring_at=signing_key.c.retiring_at - KEPT_RETIRING))
    with _another_process(settings, database_url) as fresh:
        retired = [_status(fresh, token) for token in (old, new)]
        listed = {key["kid"] for key in fresh.get("/oauth/jwks").get_json()["keys"]}

    assert overlap == [200, 200, 200, 200]
    assert retired == [401, 200]
    assert listed == {pending.id}


def test_the_published_set_has_what_signed_signs_and_will_sign(http: FlaskClient, db: Database) -> None:
    access_token(http, add_caller(db))
    now = datetime.now(UTC)
    with db.write.begin() as connection:
        second = key_life.add(connection, KEYRING, now=now)
        key_life.activate(connection, KEYRING, second.id, now=now, at_once=True)
        third = key_life.add(connection, KEYRING, now=now)
        stored = {key.id for key in signing_keys.published(connection, now=now)}
    access_token(http, add_caller(db))

    answer = http.get("/oauth/jwks")

    kids = [key["kid"] for key in answer.get_json()["keys"]]
    assert {second.id, third.id} < set(kids) == stored
    assert len(kids) == len(stored)
    assert not any({"d", "k"} & key.keys() for key in answer.get_json()["keys"])
    assert answer.headers["Cache-Control"] == f"public, max-age={MAX_AGE.seconds}"


def test_a_revoked_key_is_dead_with_the_next_request_in_every_process(
    http: FlaskClient, db: Database, settings: Settings, database_url: str
) -> None:
    """Both processes hold the key, and would for a minute; what it still signs is worth nothing either."""
    caller = add_caller(db)
    with _another_process(settings, database_url) as other:
        old = access_token(http, caller)
        before = [_status(each, old) for each in (http, other)]
        with db.write.begin() as connection:
            now = datetime.now(UTC)
            leaked = _active(connection, now)
            successor = key_life.revoke(connection, KEYRING, leaked, now=now)
        after = [_status(each, old) for each in (http, other)]
        told = other.post(
            "/oauth/introspect", data={"token": old}, headers=basic(caller.id, caller.secret or "")
        ).get_json()
        new = access_token(other, caller)

        assert (before, after, told) == ([200, 200], [401, 401], {"active": False})
        assert successor is not None
        assert _kid(new) == successor.id != leaked
        assert _status(other, new) == 200
    with db.write.connect() as connection:
        assert leaked not in {key.id for key in signing_keys.published(connection, now=now)}


def test_of_a_key_that_is_revoked_or_retired_no_private_part_is_left(connection: Connection) -> None:
    key_life.make_active(connection, KEYRING, now=NOW)
    active, waiting = _active(connection, NOW), key_life.add(connection, KEYRING, now=NOW)

    key_life.retire(connection, waiting.id, now=NOW)
    successor = key_life.revoke(connection, KEYRING, active, now=NOW)

    assert successor is not None
    kept = select(signing_key.c.id).where(signing_key.c.sealed_private.is_not(None))
    assert connection.execute(kept).scalars().all() == [successor.id]


def test_a_revoked_key_is_refused_as_long_as_tokens_of_it_may_live(connection: Connection) -> None:
    key_life.make_active(connection, KEYRING, now=NOW)
    leaked = _active(connection, NOW)

    key_life.revoke(connection, KEYRING, leaked, now=NOW)

    refused_until = select(denied_token.c.expires_at).where(denied_token.c.id == leaked)
    assert connection.execute(refused_until).scalar_one() == NOW + KEPT_RETIRING


def test_in_a_revoked_key_s_stead_signs_one_that_others_know_or_a_new_one(connection: Connection) -> None:
    def successor(at: datetime) -> str:
        made = key_life.revoke(connection, KEYRING, _active(connection, at), now=at)
        assert made is not None
        return made.id

    key_life.make_active(connection, KEYRING, now=NOW)
    lost = key_life.add(connection, Keyring("a former secret key that is long enough"), now=NOW)
    of_nobody = successor(NOW + PUBLISHED_BEFORE)
    key_life.retire(connection, lost.id, now=NOW + PUBLISHED_BEFORE)
    waiting, known = key_life.add(connection, KEYRING, now=NOW), NOW + PUBLISHED_BEFORE

    assert successor(known - timedelta(seconds=1)) not in {waiting.id, lost.id, of_nobody}
    assert successor(known) == waiting.id != of_nobody != lost.id


def test_who_revokes_a_key_that_does_not_sign_leaves_the_one_that_does(connection: Connection) -> None:
    key_life.make_active(connection, KEYRING, now=NOW)
    active, waiting = _active(connection, NOW), key_life.add(connection, KEYRING, now=NOW)

    assert key_life.revoke(connection, KEYRING, waiting.id, now=NOW) is None
    assert _active(connection, NOW) == active


def test_a_running_process_forgets_a_retired_key_within_a_minute(app: Flask, http: FlaskClient, db: Database) -> None:
    token = access_token(http, add_caller(db))
    tokens = app.extensions["access_tokens"]
    now = datetime.now(UTC)
    kid, _ = tokens.keys.signing(now)
    tokens.read(token, now)
    with db.write.begin() as connection:
        key_life.revoke(connection, KEYRING, kid, now=now)

    still, gone = tokens.keys.public(kid, now), tokens.keys.public(kid, now + FRESH_FOR)

    assert still is not None
    assert gone is None
    with pytest.raises(Untrusted):
        tokens.read(token, now + FRESH_FOR)


def test_unknown_key_ids_cause_ten_reads_a_second_at_most(db: Database) -> None:
    keys = KeyCabinet(db.write, KEYRING)
    now = datetime.now(UTC)
    kid, _ = keys.signing(now)
    with db.write.begin() as connection:
        successor = key_life.revoke(connection, KEYRING, kid, now=now)

    assert successor is not None
    assert keys.public(successor.id, now + timedelta(milliseconds=90)) is None
    assert keys.public(successor.id, now + timedelta(milliseconds=110)) is not None


def test_tokens_of_a_key_that_is_gone_keep_no_successor_waiting(db: Database) -> None:
    keys = KeyCabinet(db.write, KEYRING)
    now = datetime.now(UTC)
    first, _ = keys.signing(now)
    with db.write.begin() as connection:
        second = key_life.revoke(connection, KEYRING, first, now=now)
    assert second is not None
    assert keys.public(second.id, now + timedelta(seconds=1)) is not None
    with db.write.begin() as connection:
        third = key_life.revoke(connection, KEYRING, second.id, now=now)

    assert third is not None
    assert keys.public(first, now + timedelta(seconds=2)) is None
    assert keys.public(third.id, now + timedelta(seconds=2)) is not None


def test_a_key_sealed_under_a_former_secret_is_replaced(db: Database) -> None:
    now = datetime.now(UTC)
    former, _ = KeyCabinet(db.write, KEYRING).signing(now)

    keys = KeyCabinet(db.write, Keyring("another secret key that is long enough"))
    kid, _ = keys.signing(now)

    assert kid != former
    assert keys.public(former, now) is not None


def _status(http: FlaskClient, token: str) -> int:
    return http.get("/probe/stats", headers=bearer(token)).status_code


def _kid(token: str) -> str:
    return str(jose.parse(token).kid)


@contextmanager
def _another_process(settings: Settings, database_url: str) -> Iterator[FlaskClient]:
    application = create_app(settings, database_url)
    add_probes(application)
    yield application.test_client()
    application.extensions["runtime"].database.dispose()
