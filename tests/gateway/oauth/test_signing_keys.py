"""The gateway's own keys: made once however many start at once, overlapping in rotation, dead when retired, sealed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from gateway import create_app
from gateway.oauth.jose import Untrusted
from gateway.oauth.keys import FRESH_FOR, KeyCabinet
from gateway.settings import Settings
from partners.database import Database
from partners.keyring import Keyring
from partners.registry import signing_keys
from partners.tables.partner import signing_key
from tests.callers import access_token, add_caller, bearer
from tests.conftest import SECRET
from tests.gateway.oauth.conftest import add_probes

KEYRING = Keyring(SECRET)


def test_of_processes_starting_at_once_one_makes_the_key(db: Database) -> None:
    with db.write.begin() as connection:
        connection.execute(delete(signing_key))
    cabinets = [KeyCabinet(db.write, KEYRING) for _ in range(6)]

    with ThreadPoolExecutor(6) as pool:
        kids = list(pool.map(lambda cabinet: cabinet.signing(datetime.now(UTC))[0], cabinets))

    with db.write.connect() as connection:
        stored = connection.execute(select(signing_key.c.id)).scalars().all()
    assert kids == [stored[0]] * 6


def test_the_private_part_is_sealed(http: FlaskClient, db: Database) -> None:
    access_token(http, add_caller(db))

    with db.write.connect() as connection:
        row = connection.execute(select(signing_key)).first()
        (key, *_) = signing_keys.published(connection)

    assert row is not None
    assert b'"d"' not in row.sealed_private
    assert "d" not in row.public
    assert key.private(KEYRING) is not None
    assert key.private(Keyring("another secret key that is long enough")) is None
    assert "sealed_private" not in repr(key)


def test_tokens_of_the_previous_key_live_until_it_is_retired(
    http: FlaskClient, db: Database, settings: Settings, database_url: str
) -> None:
    caller = add_caller(db)
    old = access_token(http, caller)
    with db.write.begin() as connection:
        before = signing_keys.published(connection)[0].id
        signing_keys.rotate(connection, KEYRING, now=datetime.now(UTC))

    with _another_process(settings, database_url) as fresh:
        new = access_token(fresh, caller)
        overlap = [fresh.get("/probe/stats", headers=bearer(token)).status_code for token in (old, new)]
    with db.write.begin() as connection:
        assert signing_keys.retire(connection, before)
    with _another_process(settings, database_url) as fresh:
        retired = [fresh.get("/probe/stats", headers=bearer(token)).status_code for token in (old, new)]

    assert overlap == [200, 200]
    assert retired == [401, 200]


def test_a_running_process_notices_retirement_within_a_minute(app: Flask, http: FlaskClient, db: Database) -> None:
    access_token(http, add_caller(db))
    keys: KeyCabinet = app.extensions["access_tokens"].keys
    now = datetime.now(UTC)
    kid, _ = keys.signing(now)
    with db.write.begin() as connection:
        signing_keys.retire(connection, kid)

    still, gone = keys.public(kid, now), keys.public(kid, now + FRESH_FOR)

    assert still is not None
    assert gone is None
    assert keys.signing(now + FRESH_FOR)[0] != kid


def test_a_remembered_token_dies_with_its_key(app: Flask, http: FlaskClient, db: Database) -> None:
    tokens = app.extensions["access_tokens"]
    token = access_token(http, add_caller(db))
    now = datetime.now(UTC)
    tokens.read(token, now)
    with db.write.begin() as connection:
        signing_keys.retire(connection, tokens.keys.signing(now)[0])

    with pytest.raises(Untrusted):
        tokens.read(token, now + FRESH_FOR)


def test_unknown_key_ids_cause_one_read_a_second_at_most(db: Database) -> None:
    keys = KeyCabinet(db.write, KEYRING)
    now = datetime.now(UTC)
    keys.signing(now)
    with db.write.begin() as connection:
        signing_keys.rotate(connection, KEYRING, now=now + timedelta(milliseconds=1))
        newest = signing_keys.published(connection)[0].id

    assert keys.public(newest, now + timedelta(milliseconds=900)) is None
    assert keys.public(newest, now + timedelta(milliseconds=1100)) is not None


def test_a_key_sealed_under_a_former_secret_is_replaced(db: Database) -> None:
    now = datetime.now(UTC)
    former, _ = KeyCabinet(db.write, KEYRING).signing(now)

    keys = KeyCabinet(db.write, Keyring("another secret key that is long enough"))
    kid, _ = keys.signing(now)

    assert kid != former
    assert keys.public(former, now) is not None


@contextmanager
def _another_process(settings: Settings, database_url: str) -> Iterator[FlaskClient]:
    application = create_app(settings, database_url)
    add_probes(application)
    yield application.test_client()
    application.extensions["runtime"].database.dispose()
