"""Clients' last use is kept to the hour, one nobody uses lapses, and what has leaked ends with the next request."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from sqlalchemy import select, update
from sqlalchemy.engine import RowMapping

from partners.postgres.database import Database
from partners.registry import RegistryError, client_revocation, clients
from partners.registry.client_use import DORMANT_AFTER, ROUGHLY
from partners.rights.retention import sweep
from partners.tables.access import access_log
from partners.tables.operator import operator_act
from partners.tables.partner import client, client_secret
from partners.vocabulary import AuthMethod, Status
from tests.callers import Caller, access_token, add_caller, ask_token, assertion, basic, bearer
from tests.gateway.oauth.records import records_of

MINUTE = timedelta(minutes=1)


def test_use_is_noted_once_an_hour_for_client_and_secret(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db)
    unused = _stored(db, caller)
    ask_token(http, caller)
    first = _stored(db, caller)
    recently, before = datetime.now(UTC) - ROUGHLY + MINUTE, datetime.now(UTC) - ROUGHLY - MINUTE

    _set(db, caller, last_used_at=recently)
    ask_token(http, caller)
    unchanged = _stored(db, caller)
    _set(db, caller, last_used_at=before)
    http.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=basic(caller.id, "gws_wrong"))
    refused = _stored(db, caller)
    ask_token(http, caller)

    assert (unused["last_used_at"], unused["secret_used_at"]) == (None, None)
    assert first["last_used_at"] == first["secret_used_at"] > datetime.now(UTC) - MINUTE
    assert (unchanged["last_used_at"], refused["last_used_at"]) == (recently, before)
    assert _stored(db, caller)["last_used_at"] > recently


def test_each_secret_tells_its_own_last_use(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db)
    ask_token(http, caller)
    with db.write.begin() as connection:
        made = clients.rotate_secret(connection, caller.id, overlap=timedelta(days=14), now=datetime.now(UTC))

    listed = _client(db, caller)

    new, old = listed.secrets
    assert (new.last_used_at, new.expires_at) == (None, None)
    assert old.last_used_at == listed.last_used_at is not None
    assert old.expires_at is not None
    assert (made.secret or "")[4:16] not in {new.id, old.id}
    http.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=basic(caller.id, made.secret or ""))
    assert all(secret.last_used_at for secret in _client(db, caller).secrets)


def test_a_signing_client_is_used_too(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db, auth_method=AuthMethod.PRIVATE_KEY_JWT)

    ask_token(http, caller)

    held = _client(db, caller)
    assert held.last_used_at is not None
    assert (held.secrets, held.keys) == ((), ("key-1",))


def test_a_client_that_nobody_uses_lapses_and_is_resumed(http: FlaskClient, db: Database) -> None:
    caller, unknown = add_caller(db), add_caller(db)
    _age(db, caller, DORMANT_AFTER + MINUTE)
    listed = _client(db, caller).status

    http.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=basic(caller.id, "gws_wrong"))
    untouched = _stored(db, caller)["status"]
    refused = ask_token(http, caller)
    other = http.post("/oauth/token", data={"grant_type": "client_credentials"}, headers=basic(unknown.id, "gws_x"))

    assert (listed, untouched, _stored(db, caller)["status"]) == (Status.LAPSED, "active", "lapsed")
    assert (refused.status_code, refused.data) == (401, other.data)
    assert records_of(db, refused)[0]["reason"] == "suspended"
    assert _lapses(db, caller) == [("operator:gateway", caller.partner)]
    assert ask_token(http, caller).status_code == 401
    assert len(_lapses(db, caller)) == 1
    with db.write.begin() as connection:
        clients.resume(connection, caller.id)
    assert _client(db, caller).status is Status.ACTIVE
    assert ask_token(http, caller).status_code == 200


def test_until_the_last_minute_of_ninety_days_it_lives(http: FlaskClient, db: Database) -> None:
    made, used, resumed = add_caller(db), add_caller(db), add_caller(db)
    late, almost = DORMANT_AFTER + MINUTE, DORMANT_AFTER - MINUTE
    _age(db, made, almost)
    _age(db, used, late, last_used_at=almost)
    _age(db, resumed, late, last_used_at=late, resumed_at=almost)

    assert [ask_token(http, each).status_code for each in (made, used, resumed)] == [200, 200, 200]


def test_the_sweep_lets_clients_lapse_on_record(db: Database) -> None:
    idle, suspended = add_caller(db), add_caller(db)
    for each in (idle, suspended):
        _age(db, each, DORMANT_AFTER + MINUTE)
    with db.write.begin() as connection:
        clients.suspend(connection, suspended.id)
    now = datetime.now(UTC)

    swept = [sweep(db.write, now=now, real_now=now).lapsed_clients for _ in range(2)]

    assert swept[1] == 0
    assert [_stored(db, each)["status"] for each in (idle, suspended)] == ["lapsed", "suspended"]
    assert _lapses(db, idle) == [("operator:gateway", idle.partner)]


def test_a_leaked_secret_ends_at_once_with_every_token(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db)
    with db.write.begin() as connection:
        made = clients.rotate_secret(connection, caller.id, overlap=timedelta(days=14), now=datetime.now(UTC))
    token = access_token(http, caller)
    _, old = made.client.secrets

    with db.write.begin() as connection:
        left, ended = client_revocation.revoke(connection, caller.id, old.id)

    assert ended == [old.id]
    assert len(left.secrets) == 1
    assert http.get("/probe/stats", headers=bearer(token)).status_code == 401
    assert ask_token(http, caller).status_code == 401
    answer = http.post("/oauth/token", data={"grant_type": "client_credentials"},
                       headers=basic(caller.id, made.secret or ""))  # fmt: skip
    assert answer.status_code == 200
    with db.write.begin() as connection, pytest.raises(RegistryError, match="no secret or key"):
        client_revocation.revoke(connection, caller.id, old.id)


def test_all_secrets_end_and_rotation_gives_a_new_one(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db)
    with db.write.begin() as connection:
        client_revocation.revoke(connection, caller.id)
    refused = ask_token(http, caller)
    with db.write.begin() as connection:
        made = clients.rotate_secret(connection, caller.id, overlap=timedelta(0), now=datetime.now(UTC))

    renewed = Caller(caller.id, caller.partner, caller.kind, made.secret)

    assert (refused.status_code, ask_token(http, renewed).status_code) == (401, 200)


def test_two_keys_live_during_rotation_and_a_revoked_one_ends_at_once(http: FlaskClient, db: Database) -> None:
    """Checks 18 and 19 of the research note."""
    caller = add_caller(db, auth_method=AuthMethod.PRIVATE_KEY_JWT)
    second = ECKey.generate_key("P-256", {"kid": "key-2"})
    assert caller.key is not None
    both = {"keys": [key.as_dict(private=False) for key in (caller.key, second)]}
    with db.write.begin() as connection:
        clients.replace_keys(connection, caller.id, both)
    token = access_token(http, caller)
    overlap = [_signed(http, caller, kid, key) for kid, key in (("key-1", caller.key), ("key-2", second))]

    with db.write.begin() as connection:
        _, ended = client_revocation.revoke(connection, caller.id, "key-1")

    assert (overlap, ended) == ([200, 200], ["key-1"])
    assert [_signed(http, caller, kid, key) for kid, key in (("key-1", caller.key), ("key-2", second))] == [401, 200]
    assert http.get("/probe/stats", headers=bearer(token)).status_code == 401
    with db.write.begin() as connection:
        client_revocation.revoke(connection, caller.id)
    assert _signed(http, caller, "key-2", second) == 401


def _signed(http: FlaskClient, caller: Caller, kid: str, key: Any) -> int:
    proof = {"client_assertion": assertion(caller, {"kid": kid}, key)}
    return ask_token(http, caller, **proof).status_code


def _client(db: Database, caller: Caller) -> clients.Client:
    with db.write.connect() as connection:
        return clients.get(connection, caller.id)


def _stored(db: Database, caller: Caller) -> RowMapping:
    columns = (client.c.status, client.c.last_used_at, client_secret.c.last_used_at.label("secret_used_at"))
    with db.write.connect() as connection:
        statement = select(*columns).outerjoin_from(client, client_secret).where(client.c.id == caller.id)
        return connection.execute(statement).mappings().one()


def _set(db: Database, caller: Caller, *, last_used_at: datetime) -> None:
    with db.write.begin() as connection:
        connection.execute(update(client).where(client.c.id == caller.id).values(last_used_at=last_used_at))
        own = client_secret.c.client == caller.id
        connection.execute(update(client_secret).where(own).values(last_used_at=last_used_at))


def _age(db: Database, caller: Caller, age: timedelta, **more: timedelta) -> None:
    ago = {name: datetime.now(UTC) - each for name, each in {"created_at": age, **more}.items()}
    with db.write.begin() as connection:
        connection.execute(update(client).where(client.c.id == caller.id).values(ago))


def _lapses(db: Database, caller: Caller) -> list[tuple[str, str]]:
    joined = access_log.join(operator_act, access_log.c.request_id == operator_act.c.request_id)
    lapse = (operator_act.c.operation == "oauth.clients.lapse", operator_act.c.client == caller.id)
    with db.write.connect() as connection:
        rows = connection.execute(select(access_log.c.client, access_log.c.partner).select_from(joined).where(*lapse))
        return [(row.client, row.partner) for row in rows]
