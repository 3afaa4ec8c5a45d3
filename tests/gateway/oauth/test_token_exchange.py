"""A model center exchanges a model's session JWT for a token that acts for that model, and for no other."""

import json
import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from partners.postgres.database import Database
from partners.registry import clients, issuers
from partners.vocabulary import PartnerKind
from tests.callers import (
    EXCHANGE,
    ISSUER,
    SESSIONS,
    Caller,
    FromNow,
    access_token,
    add_caller,
    ask_token,
    bearer,
    exchange,
    model_token,
    session,
    sign,
)
from tests.factories import add_model
from tests.gateway.oauth.records import records_of

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


@pytest.fixture(scope="module")
def center(db: Database) -> Caller:
    """A model center that may have both scopes, and a model `mdl-1`."""
    with db.write.begin() as connection:
        add_model(connection, "mdl-1")
    return add_caller(db, PartnerKind.MODEL_CENTER, scopes=("cards:read", "cards.sensitive:read"))


def test_a_session_gives_a_token_that_acts_for_its_model(http: FlaskClient, db: Database, center: Caller) -> None:
    answer = exchange(http, center, session(center))

    document = answer.get_json()
    token = document.pop("access_token")
    assert document == {
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "cards:read",
        "issued_token_type": ACCESS_TOKEN,
    }
    claims = _payload(token)
    assert (claims["sub"], claims["act"], claims["client_id"]) == ("mdl-1", {"sub": center.id}, center.id)
    assert claims["exp"] - claims["iat"] == 300
    probe = http.get("/probe/cards", headers=bearer(token))
    assert probe.get_json() == {"partner": "model_center", "client": center.id, "model": "mdl-1"}
    assert records_of(db, answer)[0] | {"client": ""} == {
        "audience": "model_center",
        "partner": "model_center",
        "client": "",
        "model": "mdl-1",
        "operation": "oauth.token",
        "purpose": "operation",
        "outcome": "released",
        "status": 200,
        "reason": None,
    }


def test_a_token_lives_no_longer_than_the_session(http: FlaskClient, center: Caller) -> None:
    ends = int(time.time()) + 60

    answer = exchange(http, center, session(center, exp=ends)).get_json()

    assert 57 <= answer["expires_in"] <= 60
    assert _payload(answer["access_token"])["exp"] <= ends


def test_a_session_may_be_used_again_until_it_ends(http: FlaskClient, center: Caller) -> None:
    used = session(center, jti="once")

    assert [exchange(http, center, used).status_code for _ in range(3)] == [200, 200, 200]


def test_sensitive_cards_are_given_only_when_asked_for(http: FlaskClient, center: Caller) -> None:
    both = "cards:read cards.sensitive:read"

    assert exchange(http, center, session(center), scope=both).get_json()["scope"] == both


def test_a_scope_beyond_the_registered_is_refused(http: FlaskClient, db: Database) -> None:
    modest = add_caller(db, PartnerKind.MODEL_CENTER)

    for scope in ("cards.sensitive:read", "cards:read cards.sensitive:read", "stats:read"):
        assert exchange(http, modest, session(modest), scope=scope).get_json()["error"] == "invalid_scope"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": None},
        {"iss": "https://other.example"},
        {"iss": ISSUER},
        {"iss": "\x00"},
        {"iss": 7},
        {"aud": None},
        {"aud": "https://other.example"},
        {"aud": [ISSUER, "https://other.example"]},
        {"sub": None},
        {"sub": ""},
        {"sub": ["mdl-1"]},
        {"sub": "x" * 300},
        {"sub": "a\x00b"},
        {"exp": None},
        {"exp": FromNow(-1)},
        {"exp": FromNow(3600)},
        {"exp": "soon"},
        {"exp": True},
        {"iat": FromNow(300)},
        {"nbf": FromNow(300)},
        {"azp": "another-center"},
        {"may_act": {"sub": "another-center"}},
        {"may_act": "me"},
    ],
    ids=lambda claims: str(claims)[:40],
)
def test_a_session_that_is_foreign_odd_or_over_is_refused(
    http: FlaskClient, db: Database, center: Caller, claims: dict[str, Any]
) -> None:
    answer = exchange(http, center, session(center, **claims))

    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")
    (record,) = records_of(db, answer)
    assert (record["outcome"], record["reason"], record["client"]) == ("denied", "invalid_token", center.id)


def test_an_unregistered_model_is_refused(http: FlaskClient, db: Database, center: Caller) -> None:
    answer = exchange(http, center, session(center, "mdl-unknown"))

    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")
    assert records_of(db, answer)[0]["reason"] == "unknown"


def test_a_session_naming_the_client_as_party_is_taken(http: FlaskClient, center: Caller) -> None:
    named = session(center, azp=center.id, may_act={"sub": center.id})

    assert exchange(http, center, named).status_code == 200


def test_sessions_signed_otherwise_are_refused(http: FlaskClient, center: Caller) -> None:
    now = int(time.time())
    claims = {"iss": SESSIONS, "sub": "mdl-1", "aud": ISSUER, "iat": now, "exp": now + 300}
    stranger = ECKey.generate_key("P-256", {"kid": "sessions-1"})
    good = session(center)

    for refused in (
        sign(stranger, {"kid": "sessions-1"}, claims),
        sign(OctKey.import_key("secret" * 8), {"alg": "HS256", "kid": "sessions-1"}, claims),
        session(center, header={"kid": "unknown"}),
        session(center, header={"typ": "at+jwt"}),
        good[:-4] + "AAAA",
        "eyJhbGciOiJub25lIn0." + good.split(".")[1] + ".",
        access_token(http, center),
        "",
        "é",
        "x" * 20_000,
    ):
        answer = exchange(http, center, refused)
        assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:saml2"}, "invalid_request"),
        ({"subject_token_type": ""}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"audience": "https://other.example"}, "invalid_target"),
        ({"resource": "https://other.example"}, "invalid_target"),
        ({"audience": ISSUER, "resource": ISSUER, "requested_token_type": ACCESS_TOKEN}, None),
        ({"audience": [ISSUER, f"{ISSUER}/"], "resource": [ISSUER, ISSUER]}, None),
        ({"audience": [ISSUER, "https://other.example"]}, "invalid_target"),
        ({"scope": ["cards:read", "cards:read"]}, "invalid_request"),
    ],
)
def test_only_what_exists_can_be_asked_for(
    http: FlaskClient, center: Caller, form: dict[str, Any], error: str | None
) -> None:
    assert exchange(http, center, session(center), **form).get_json().get("error") == error


def test_other_kinds_cannot_exchange(http: FlaskClient, db: Database, center: Caller) -> None:
    for kind in (PartnerKind.WEBMASTER, PartnerKind.PLATFORM, PartnerKind.AUDITOR):
        answer = exchange(http, add_caller(db, kind), session(center))
        assert answer.get_json() == {
            "error": "unauthorized_client",
            "error_description": "This grant is not the client's, which has client_credentials alone.",
        }


def test_an_issuer_may_belong_to_named_clients(http: FlaskClient, db: Database, center: Caller) -> None:
    other = add_caller(db, PartnerKind.MODEL_CENTER, partner="other-studio")
    key = RSAKey.generate_key(2048, {"kid": "own"})
    with db.write.begin() as connection:
        issuers.add(connection, "https://own.example", {"keys": [key.as_dict(private=False)]}, (other.id,))
    now = int(time.time())
    claims = {"iss": "https://own.example", "sub": "mdl-1", "aud": ISSUER, "exp": now + 300}

    for algorithm in ("RS256", "PS256"):
        signed = sign(key, {"alg": algorithm, "kid": "own"}, claims)
        assert exchange(http, other, signed).status_code == 200
        assert exchange(http, center, signed).get_json()["error"] == "invalid_request"


def test_a_model_centers_own_token_opens_no_card(http: FlaskClient, db: Database, center: Caller) -> None:
    answer = http.get("/probe/cards", headers=bearer(access_token(http, center)))

    assert answer.status_code == 403
    assert answer.get_json()["type"].endswith("#insufficient-scope")
    assert answer.get_json()["detail"] == "This needs a token for a model: exchange her session (RFC 8693)."
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert "scope=" not in answer.headers["WWW-Authenticate"]
    assert records_of(db, answer)[0]["reason"] == "insufficient_scope"


def test_suspending_the_center_stops_its_models_tokens(http: FlaskClient, db: Database) -> None:
    center = add_caller(db, PartnerKind.MODEL_CENTER, partner="closing-studio")
    token = model_token(http, db, center)
    with db.write.begin() as connection:
        clients.suspend(connection, center.id)

    assert http.get("/probe/cards", headers=bearer(token)).status_code == 401


def test_parameters_are_needed(http: FlaskClient, center: Caller) -> None:
    assert ask_token(http, center, grant_type=EXCHANGE).get_json()["error"] == "invalid_request"


def _payload(token: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(jws.extract_compact(token.encode()).payload)
    return payload
