"""Clients that prove themselves by an assertion signed with their own key: every claim checked, each used once."""

import time
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, OKPKey, RSAKey
from werkzeug.test import TestResponse

from gateway.application import create_app
from gateway.settings import Settings
from partners.postgres.database import Database
from partners.registry import clients, partners
from partners.vocabulary import AuthMethod
from tests.callers import (
    ASSERTION_TYPE,
    ISSUER,
    Caller,
    FromNow,
    Key,
    add_caller,
    assertion,
    sign,
    signed_anyhow,
)
from tests.gateway.oauth.records import records_of

EC = ECKey.generate_key("P-256", {"kid": "key-1"})
ED = OKPKey.generate_key("Ed25519", {"kid": "key-1"})
RSA = RSAKey.generate_key(2048, {"kid": "key-1"})


@pytest.fixture
def caller(db: Database) -> Caller:
    """A client that signs with ES256."""
    return _keyed(db, EC)


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"typ": None}, {}),
        ({"typ": "JWT"}, {}),
        ({"typ": "jwt"}, {}),
        ({"typ": "client-authentication+jwt"}, {}),
        ({"kid": None}, {}),
        ({"x5t": "ignored"}, {}),
        ({}, {"iat": FromNow(8), "nbf": FromNow(8)}),
        ({}, {"iat": FromNow(-200)}),
        ({}, {"iat": FromNow(-0.5)}),
        ({}, {"exp": FromNow(3600)}),
    ],
)
def test_what_clients_commonly_send_is_taken(
    http: FlaskClient, caller: Caller, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    assert _ask(http, assertion(caller, header, **claims)).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        *({name: None} for name in ("iss", "sub", "aud", "exp", "iat", "jti")),
        {"iss": "cl_other"},
        {"sub": "cl_other"},
        {"aud": "https://other.example"},
        {"aud": f"{ISSUER}/oauth/token"},
        {"aud": f"{ISSUER}/"},
        {"aud": [ISSUER]},
        {"aud": [ISSUER, "https://other.example"]},
        {"exp": FromNow(-300)},
        {"exp": FromNow(-1)},
        {"exp": FromNow(10 * 365 * 86_400)},
        {"iat": FromNow(61)},
        {"iat": FromNow(-600)},
        {"nbf": FromNow(61)},
        {"nbf": "soon"},
        {"iat": True},
        {"iat": "1700000000"},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": -1},
        {"exp": 10**400},
        {"jti": 7},
        {"jti": ""},
        {"jti": "x" * 300},
        {"jti": "\x00"},
        {"jti": "\ud800"},
        {"sub": ["cl_other"]},
        {"sub": {"a": 1}},
        {"sub": "\x00"},
        {"sub": 'cl_"\\'},
        {"iss": {"deep": [[[]]]}},
    ],
    ids=lambda claims: str(claims)[:40],
)
def test_claims_that_are_missing_foreign_or_odd_are_refused(
    http: FlaskClient, caller: Caller, claims: dict[str, Any]
) -> None:
    answer = _ask(http, signed_anyhow(EC, {"alg": "ES256", "kid": "key-1"}, _claims(caller) | claims))

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "at+jwt"},
        {"typ": "dpop+jwt"},
        {"typ": 7},
        {"kid": "unknown"},
        {"kid": ["key-1"]},
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"crit": ["b64"], "b64": True},
        {"crit": ["alg"]},
        {"x": "y" * 10_000},
    ],
    ids=lambda header: str(header)[:40],
)
def test_odd_headers_are_refused(http: FlaskClient, caller: Caller, header: dict[str, Any]) -> None:
    answer = _ask(http, signed_anyhow(EC, {"alg": "ES256", "kid": "key-1"} | header, _claims(caller)))

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


def test_other_algorithms_and_other_keys_are_refused(http: FlaskClient, db: Database, caller: Caller) -> None:
    by_rsa = _keyed(db, RSA)
    stranger = ECKey.generate_key("P-256", {"kid": "key-1"})
    unsigned = assertion(caller).rpartition(".")[0].partition(".")[2]

    answers = [
        _ask(http, sign(RSA, {"alg": "RS256", "kid": "key-1"}, _claims(by_rsa))),
        _ask(http, sign(RSA, {"alg": "PS512", "kid": "key-1"}, _claims(by_rsa))),
        _ask(http, signed_anyhow(EC, {"alg": "HS256", "kid": "key-1"}, _claims(caller))),
        _ask(http, assertion(caller, key=stranger)),
        _ask(http, "eyJhbGciOiJub25lIn0." + unsigned + "."),
        _ask(http, assertion(caller)[:-4] + "AAAA"),
        _ask(http, sign(ED, {"alg": "Ed25519", "kid": "key-1"}, _claims(caller))),
    ]

    assert [answer.status_code for answer in answers] == [401] * len(answers)


def test_body_must_name_the_same_client_and_the_right_type(http: FlaskClient, db: Database, caller: Caller) -> None:
    other = _keyed(db, EC)

    assert _ask(http, assertion(caller), client_id=caller.id).status_code == 200
    assert _ask(http, assertion(caller), client_id=other.id).status_code == 401
    assert _ask(http, assertion(caller), client_assertion_type="jwt").status_code == 401


@pytest.mark.parametrize("bar", ["client", "partner", "terms"])
def test_whoever_is_barred_gets_no_token_by_an_assertion(http: FlaskClient, db: Database, bar: str) -> None:
    """R28, contract §1."""
    caller = _keyed(db, EC, partner=f"barred-{bar}")
    with db.write.begin() as connection:
        if bar == "client":
            clients.suspend(connection, caller.id)
        elif bar == "partner":
            partners.suspend(connection, caller.partner)
        else:
            mine = partners.get(connection, caller.partner)
            partners.change(connection, replace(mine, terms_accepted_at=None))

    refused = _ask(http, assertion(caller))

    assert (refused.status_code, refused.get_json()["error"]) == (401, "invalid_client")


def test_an_assertion_is_used_once_however_long_ago_it_was_issued(http: FlaskClient, caller: Caller) -> None:
    used = assertion(caller, iat=FromNow(-200))

    assert [_ask(http, used).status_code for _ in range(2)] == [200, 401]


def test_an_assertion_is_used_once_even_after_a_restart(
    http: FlaskClient, db: Database, caller: Caller, *, settings: Settings, database_url: str
) -> None:
    used = assertion(caller)

    first, second = _ask(http, used), _ask(http, used)
    restarted = create_app(settings, database_url)
    third = _ask(restarted.test_client(), used)
    restarted.extensions["runtime"].database.dispose()

    assert [answer.status_code for answer in (first, second, third)] == [200, 401, 401]
    assert first.status_code == 200
    assert records_of(db, second)[0] | {"client": "", "partner": ""} == {
        "audience": "webmaster",
        "partner": "",
        "client": "",
        "model": None,
        "operation": "oauth.token",
        "purpose": "operation",
        "outcome": "denied",
        "status": 401,
        "reason": "invalid_token",
    }


def test_the_same_jti_serves_two_clients(http: FlaskClient, db: Database, caller: Caller) -> None:
    other = _keyed(db, ED)

    assert _ask(http, assertion(caller, jti="shared")).status_code == 200
    assert _ask(http, assertion(other, jti="shared")).status_code == 200


def test_of_two_keys_the_assertion_has_to_name_one(http: FlaskClient, db: Database) -> None:
    old, new = ECKey.generate_key("P-256", {"kid": "old"}), OKPKey.generate_key("Ed25519", {"kid": "new"})
    caller = _keyed(db, old)
    assert _ask(http, assertion(caller, {"kid": None}, key=old)).status_code == 200

    _register(db, caller, old, new)

    assert _ask(http, assertion(caller, {"kid": None}, key=old)).status_code == 401


def test_deep_nesting_and_garbage_are_refused(http: FlaskClient) -> None:
    deep = _raw_jwt(b'{"sub":' + b"[" * 5_000 + b"]" * 5_000 + b"}")

    for garbage in (deep, "", ".", "..", "a.b.c", "é.é.é", "x" * 60_000, _raw_jwt(b"[]"), _raw_jwt(b"null")):
        assert _ask(http, garbage).status_code == 401


def _keyed(db: Database, key: Key, **wanted: Any) -> Caller:
    return add_caller(db, auth_method=AuthMethod.PRIVATE_KEY_JWT, key=key, **wanted)


def _register(db: Database, caller: Caller, *keys: Key) -> None:
    with db.write.begin() as connection:
        clients.replace_keys(connection, caller.id, {"keys": [key.as_dict(private=False) for key in keys]})


def _claims(caller: Caller) -> dict[str, Any]:
    now = int(time.time())
    jti = f"{caller.id}-{time.monotonic_ns()}"
    return {"iss": caller.id, "sub": caller.id, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": jti}


def _raw_jwt(payload: bytes) -> str:
    return f"eyJhbGciOiJFUzI1NiJ9.{urlsafe_b64encode(payload).rstrip(b'=').decode()}.AAAA"


def _ask(http: FlaskClient, signed: str, **form: str) -> TestResponse:
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}
    return http.post("/oauth/token", data={"grant_type": "client_credentials"} | proof | form)
