"""The guard lets in whoever has a token of ours for this path, and says to everyone else no more than the RFCs do."""

import json
import time
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, OctKey
from joserfc.jws import JWSRegistry
from sqlalchemy import text, update

from gateway.oauth.tokens import MOST_REMEMBERED, TokenMaker
from partners.postgres import database
from partners.postgres.database import Database
from partners.registry import partners
from partners.tables.partner import partner
from partners.vocabulary import PartnerKind
from tests.callers import ISSUER, Caller, FromNow, access_token, add_caller, bearer, model_token, settled, sign
from tests.gateway.oauth.records import records_of

KINDS = {
    "/probe/stats": PartnerKind.WEBMASTER,
    "/probe/members": PartnerKind.WEBMASTER,
    "/probe/cards": PartnerKind.MODEL_CENTER,
    "/probe/events": PartnerKind.PLATFORM,
    "/probe/audit": PartnerKind.AUDITOR,
}


@pytest.fixture(scope="module")
def caller(db: Database) -> Caller:
    """A webmaster's client."""
    return add_caller(db)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic Zm9vOmJhcg=="}, {"Authorization": "Bearer"}])
def test_without_a_token_the_challenge_names_no_error(http: FlaskClient, db: Database, headers: dict[str, str]) -> None:
    answer = http.get("/probe/stats", headers=headers)

    assert answer.status_code == 401
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer realm="member-data-gateway", resource_metadata="{ISSUER}/.well-known/oauth-protected-resource"'
    )
    (record,) = records_of(db, answer)
    assert (record["audience"], record["partner"], record["outcome"], record["reason"]) == (
        None,
        None,
        "denied",
        "invalid_token",
    )


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_taken_in_any_case(http: FlaskClient, caller: Caller, scheme: str) -> None:
    token = access_token(http, caller)

    answer = http.get("/probe/stats", headers={"Authorization": f"{scheme} {token}"})

    assert answer.get_json() == {"partner": "w1", "client": caller.id, "model": None}


def test_tokens_in_the_address_or_a_form_are_not_looked_at(http: FlaskClient, caller: Caller) -> None:
    token = access_token(http, caller)

    in_address = http.get(f"/probe/stats?access_token={token}")
    in_form = http.get("/probe/stats", data={"access_token": token})

    assert [answer.status_code for answer in (in_address, in_form)] == [401, 401]
    assert "error=" not in in_address.headers["WWW-Authenticate"]


@pytest.mark.parametrize("path", KINDS)
def test_a_token_of_one_audience_is_insufficient_on_anothers_path(http: FlaskClient, db: Database, path: str) -> None:
    for kind in PartnerKind:
        if kind is PartnerKind.TRACKER:
            continue
        caller = add_caller(db, kind)
        of_model = kind is PartnerKind.MODEL_CENTER
        token = model_token(http, db, caller) if of_model else access_token(http, caller)
        answer = http.get(path, headers=bearer(token))
        if kind is KINDS[path]:
            assert answer.status_code == 200
        else:
            assert answer.status_code == 403
            assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
            assert answer.get_json()["type"].endswith("#insufficient-scope")
            assert records_of(db, answer)[0]["partner"] == caller.partner


def test_a_missing_scope_is_named(http: FlaskClient, db: Database, caller: Caller) -> None:
    answer = http.get("/probe/members", headers=bearer(access_token(http, caller, "stats:read")))

    assert answer.status_code == 403
    assert 'scope="members:read"' in answer.headers["WWW-Authenticate"]
    record = records_of(db, answer)[0]
    assert (record["reason"], record["client"], record["status"]) == ("insufficient_scope", caller.id, 403)


def test_losing_the_safeguard_ends_member_rows_at_once_and_leaves_statistics(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db, partner="moved", country="US", safeguard="SCC-2021")
    old = bearer(access_token(http, caller))
    with db.write.begin() as connection:
        moved = partners.get(connection, "moved")
        partners.change(connection, partners.Partner(**(vars(moved) | {"safeguard": None})))

    new = bearer(access_token(http, caller))

    assert http.get("/probe/members", headers=old).status_code == 401
    assert http.get("/probe/members", headers=new).status_code == 403
    assert http.get("/probe/stats", headers=new).status_code == 200


def test_the_safeguard_is_asked_for_at_the_instant_of_reading(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db, partner="silently-moved", country="US", safeguard="SCC-2021")
    token = bearer(access_token(http, caller))
    with db.write.begin() as connection:
        connection.execute(update(partner).where(partner.c.id == "silently-moved").values(safeguard=None))

    answer = http.get("/probe/members", headers=token)

    assert answer.status_code == 403
    assert records_of(db, answer)[0]["reason"] == "insufficient_scope"
    assert http.get("/probe/stats", headers=token).status_code == 200


def test_a_path_that_asks_its_statement_leaves_the_standing_to_it(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db, partner="left-to-the-statement")
    token = bearer(access_token(http, caller))
    with db.write.begin() as connection:
        partners.suspend(connection, caller.partner)

    assert http.get("/probe/token-only", headers=token).status_code == 200
    assert http.get("/probe/stats", headers=token).status_code == 401


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({"typ": "JWT"}, {}),
        ({"typ": None}, {}),
        ({"kid": "unknown"}, {}),
        ({"kid": None}, {}),
        ({"crit": ["exp"]}, {}),
        ({}, {"iss": "https://other.example"}),
        ({}, {"aud": "https://other.example"}),
        ({}, {"aud": [ISSUER]}),
        ({}, {"exp": FromNow(-1)}),
        ({}, {"iat": FromNow(60)}),
        ({}, {"exp": "never"}),
        ({}, {"exp": 10**400}),
        ({}, {"exp": True}),
        ({}, {"scope": ["stats:read"]}),
        ({}, {"scope": "stats:read nonsense"}),
        ({}, {"scope": "stats:read cards:read"}),
        ({}, {"scope": None}),
        ({}, {"jti": 7}),
        ({}, {"jti": None}),
        ({}, {"jti": "\x00"}),
        ({}, {"cv": "1"}),
        ({}, {"cv": True}),
        ({}, {"kind": "king"}),
        ({}, {"kind": 7}),
        ({}, {"partner": {}}),
        ({}, {"sub": "w2"}),
        ({}, {"client_id": None}),
        ({}, {"act": {"sub": "another"}}),
        ({}, {"act": "me"}),
        ({}, {"fam": "fam_x"}),
        ({}, {"kind": "tracker"}),
    ],
    ids=lambda part: str(part)[:40],
)
def test_a_token_signed_by_our_own_key_but_odd_is_invalid(
    http: FlaskClient, app: Flask, caller: Caller, *, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    kid, key = _signing_key(http, app, caller)
    usual = {"typ": "at+jwt", "alg": "ES256", "kid": kid}
    assert http.get("/probe/stats", headers=bearer(sign(key, usual, _claims(caller)))).status_code == 200

    answer = http.get("/probe/stats", headers=bearer(_sign_anything(key, usual | header, _claims(caller) | claims)))

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_tools_token_opens_only_what_is_for_tools_and_only_with_a_living_consent(
    http: FlaskClient, app: Flask, caller: Caller
) -> None:
    kid, key = _signing_key(http, app, caller)
    claims = _claims(caller) | {"kind": "tracker", "fam": "fam_x"}

    token = bearer(sign(key, {"typ": "at+jwt", "kid": kid}, claims))

    assert http.get("/probe/stats", headers=token).status_code == 403
    assert http.get("/v1/webmaster/campaigns", headers=token).status_code == 401


def test_a_version_that_no_database_number_can_hold_is_invalid(http: FlaskClient, app: Flask, caller: Caller) -> None:
    kid, key = _signing_key(http, app, caller)

    for version in (2**31, 2**63, 10**400, -1):
        odd = sign(key, {"typ": "at+jwt", "kid": kid}, _claims(caller) | {"cv": version})
        assert http.get("/probe/stats", headers=bearer(odd)).status_code == 401


def test_tokens_signed_by_others_are_invalid(http: FlaskClient, app: Flask, caller: Caller) -> None:
    kid, _ = _signing_key(http, app, caller)
    usual = {"typ": "at+jwt", "kid": kid}
    good = access_token(http, caller)
    header = urlsafe_b64encode(json.dumps({"alg": "none", "typ": "at+jwt", "kid": kid}).encode()).rstrip(b"=").decode()

    for token in (
        sign(ECKey.generate_key("P-256"), usual, _claims(caller)),
        sign(OctKey.import_key("secret" * 8), usual, _claims(caller)),
        f"{header}.{good.split('.')[1]}.",
        good[:-2] + "AA",
        good + "=",
        good + " x",
        "é",
        "x" * 20_000,
    ):
        answer = http.get("/probe/stats", headers={"Authorization": f"Bearer {token}".encode().decode("latin-1")})
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_the_memory_of_verified_tokens_is_bounded(app: Flask, http: FlaskClient, caller: Caller) -> None:
    tokens: TokenMaker = app.extensions["access_tokens"]
    token = access_token(http, caller)
    tokens._verified.update({bytes([index % 256, index // 256]): ("", None) for index in range(MOST_REMEMBERED)})  # type: ignore[misc]  # noqa: SLF001

    assert http.get("/probe/stats", headers=bearer(token)).status_code == 200
    assert len(tokens._verified) == 1  # noqa: SLF001


def test_a_remembered_token_is_refused_once_it_has_expired(app: Flask, http: FlaskClient, caller: Caller) -> None:
    kid, key = _signing_key(http, app, caller)
    brief = sign(key, {"typ": "at+jwt", "kid": kid}, _claims(caller) | {"exp": FromNow(1)})

    first = http.get("/probe/stats", headers=bearer(brief)).status_code
    time.sleep(1.1)

    assert (first, http.get("/probe/stats", headers=bearer(brief)).status_code) == (200, 401)


def test_a_denial_that_cannot_be_recorded_is_unavailable(http: FlaskClient, database_url: str) -> None:
    owner = database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text("REVOKE INSERT ON access_log FROM gateway_write"))

    answer = http.get("/probe/stats")

    with owner.begin() as connection:
        connection.execute(text("GRANT INSERT ON access_log TO gateway_write"))
    owner.dispose()
    assert answer.status_code == 503


def _signing_key(http: FlaskClient, app: Flask, caller: Caller) -> tuple[str, ECKey]:
    access_token(http, caller)
    tokens: TokenMaker = app.extensions["access_tokens"]
    return tokens.keys.signing(datetime.now(UTC))


def _claims(caller: Caller) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": ISSUER,
        "aud": ISSUER,
        "sub": "w1",
        "client_id": caller.id,
        "scope": "stats:read",
        "jti": f"own-{time.monotonic_ns()}",
        "iat": now,
        "exp": now + 300,
        "kind": "webmaster",
        "partner": "w1",
        "cv": 1,
    }


def _sign_anything(key: ECKey, header: dict[str, Any], claims: dict[str, Any]) -> str:
    segments = [urlsafe_b64encode(json.dumps(settled(part)).encode()).rstrip(b"=") for part in (header, claims)]
    signature = JWSRegistry.algorithms["ES256"].sign(b".".join(segments), key)
    return b".".join([*segments, urlsafe_b64encode(signature).rstrip(b"=")]).decode()
