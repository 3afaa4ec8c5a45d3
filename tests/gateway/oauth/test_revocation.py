"""A client revokes its own tokens and learns about its own tokens; other clients' are none of its business."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, text
from werkzeug.test import TestResponse

from partners.consents import families, refresh
from partners.people import accounts
from partners.postgres import database
from partners.postgres.database import Database
from partners.registry import clients, partners
from partners.tables.partner import denied_token
from partners.vocabulary import AuthMethod, PartnerKind, Scope
from tests.callers import (
    ASSERTION_TYPE,
    ISSUER,
    Caller,
    access_token,
    add_caller,
    assertion,
    basic,
    bearer,
    model_token,
)
from tests.gateway.oauth.records import records_of

INACTIVE = {"active": False}


@pytest.fixture
def owner(database_url: str) -> Iterator[Engine]:
    engine = database.owner(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def caller(db: Database) -> Caller:
    """A client with a secret."""
    return add_caller(db)


def test_a_revoked_token_is_dead_at_the_very_next_request(http: FlaskClient, db: Database, caller: Caller) -> None:
    token, other = access_token(http, caller), access_token(http, caller)
    assert http.get("/probe/stats", headers=bearer(token)).status_code == 200

    answer = _post(http, "revoke", caller, token=token)

    assert (answer.status_code, answer.get_json()) == (200, {})
    assert answer.headers["Cache-Control"] == "no-store"
    refused = http.get("/probe/stats", headers=bearer(token))
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert http.get("/probe/stats", headers=bearer(other)).status_code == 200
    assert _post(http, "revoke", caller, token=token).status_code == 200
    record = records_of(db, answer)[0]
    assert (record["operation"], record["outcome"], record["client"]) == ("oauth.revoke", "released", caller.id)


def test_a_token_from_a_clock_that_is_ahead_is_revoked_and_not_active_yet(
    http: FlaskClient, app: Flask, db: Database, caller: Caller
) -> None:
    """RFC 7009: a machine whose clock is behind must not say of it that it is revoked, and leave it good elsewhere."""
    tokens = app.extensions["access_tokens"]
    now = datetime.now(UTC)
    token = tokens.read(access_token(http, caller), now)
    early = tokens.sign(replace(token, issued_at=token.issued_at + 60), now)
    assert _post(http, "introspect", caller, token=early).get_json() == INACTIVE

    answer = _post(http, "revoke", caller, token=early)

    assert answer.status_code == 200
    assert records_of(db, answer)[0]["outcome"] == "released"
    with db.write.connect() as connection:
        assert connection.execute(select(denied_token.c.id)).scalars().all().count(token.caller.token) == 1


def test_what_cannot_be_recorded_is_not_revoked(http: FlaskClient, caller: Caller, owner: Engine) -> None:
    token = access_token(http, caller)
    with owner.begin() as connection:
        connection.execute(text("REVOKE INSERT ON access_network FROM gateway_write"))

    assert _post(http, "revoke", caller, token=token).status_code == 503

    with owner.begin() as connection:
        connection.execute(text("GRANT INSERT ON access_network TO gateway_write"))
    assert http.get("/probe/stats", headers=bearer(token)).status_code == 200


def test_another_clients_token_is_refused_and_lives_on(http: FlaskClient, db: Database, caller: Caller) -> None:
    finder = add_caller(db)
    token = access_token(http, caller)

    answer = _post(http, "revoke", finder, token=token)

    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_grant")
    assert _post(http, "introspect", finder, token=token).get_json() == INACTIVE
    assert http.get("/probe/stats", headers=bearer(token)).status_code == 200
    assert records_of(db, answer)[0]["outcome"] == "denied"


def test_a_client_learns_about_its_own_token(http: FlaskClient, db: Database, caller: Caller) -> None:
    token = access_token(http, caller, "stats:read")

    answer = _post(http, "introspect", caller, token=token)

    unpredictable = {"jti": "", "iat": 0, "exp": 0}
    assert answer.get_json() | unpredictable == unpredictable | {
        "active": True,
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": "w1",
        "client_id": caller.id,
        "scope": "stats:read",
        "token_type": "Bearer",
    }
    assert records_of(db, answer)[0]["operation"] == "oauth.introspect"


def test_a_model_centers_token_tells_who_acts_for_whom(http: FlaskClient, db: Database) -> None:
    center = add_caller(db, PartnerKind.MODEL_CENTER)
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion(center)}

    answer = http.post("/oauth/introspect", data=proof | {"token": model_token(http, db, center)}).get_json()

    assert (answer["sub"], answer["act"]) == ("mdl-1", {"sub": center.id})


def test_revoked_and_outdated_tokens_are_not_active(http: FlaskClient, db: Database, caller: Caller) -> None:
    revoked, outdated = access_token(http, caller), access_token(http, caller)
    _post(http, "revoke", caller, token=revoked)

    first = _post(http, "introspect", caller, token=revoked).get_json()
    with db.write.begin() as connection:
        clients.suspend(connection, caller.id)
        clients.resume(connection, caller.id)
    second = _post(http, "introspect", caller, token=outdated).get_json()

    assert (first, second) == (INACTIVE, INACTIVE)


def test_a_refresh_token_is_active_while_it_is_to_be_used_next_and_the_terms_are_accepted(
    http: FlaskClient, db: Database
) -> None:
    """R28."""
    add_caller(db, partner="w-consenting")
    tool = add_caller(db, PartnerKind.TRACKER, redirect_uris=("https://compass.example/back",))
    with db.write.begin() as connection:
        consenting = accounts.add(connection, "w-consenting", "anna", now=datetime.now(UTC)).person
        family = families.begin(
            connection, consenting, client_id=tool.id, scopes=[Scope.STATS_READ], now=datetime.now(UTC)
        )
        used = refresh.issue(connection, family.id, None)
    refreshed = _post(http, "token", tool, grant_type="refresh_token", refresh_token=used)
    current = refreshed.get_json()["refresh_token"]

    assert _post(http, "introspect", tool, token=used).get_json() == INACTIVE
    assert _post(http, "introspect", tool, token=current).get_json()["active"] is True
    with db.write.begin() as connection:
        webmaster = partners.get(connection, "w-consenting")
        partners.change(connection, replace(webmaster, terms_version="0"))
    assert _post(http, "introspect", tool, token=current).get_json() == INACTIVE


@pytest.mark.parametrize("path", ["revoke", "introspect"])
def test_both_need_a_client_and_a_token(http: FlaskClient, db: Database, caller: Caller, path: str) -> None:
    anonymous = http.post(f"/oauth/{path}", data={"token": "x"})
    empty = _post(http, path, caller)
    keyed = add_caller(db, auth_method=AuthMethod.PRIVATE_KEY_JWT)
    used = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion(keyed), "token": "x"}

    assert (anonymous.status_code, anonymous.get_json()["error"]) == (401, "invalid_client")
    assert records_of(db, anonymous)[0]["operation"] == f"oauth.{path}"
    assert (empty.status_code, empty.get_json()["error"]) == (400, "invalid_request")
    assert [http.post(f"/oauth/{path}", data=used).status_code for _ in range(2)] == [200, 401]


def _post(http: FlaskClient, path: str, caller: Caller, **form: str) -> TestResponse:
    return http.post(f"/oauth/{path}", data=form, headers=basic(caller.id, caller.secret or ""))
