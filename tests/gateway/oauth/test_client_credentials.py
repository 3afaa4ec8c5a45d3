"""What a client's own credentials give: its scopes, for ten minutes, on record; and what keeps them from giving it."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jws
from sqlalchemy import text

from partners.postgres import database
from partners.postgres.database import Database
from partners.registry import clients, partners
from partners.vocabulary import AuthMethod, PartnerKind
from tests.callers import Caller, access_token, add_caller, ask_token, bearer
from tests.factories import dump
from tests.gateway.oauth.records import records_of


def test_a_secret_gives_a_token_with_all_registered_scopes(http: FlaskClient, db: Database) -> None:
    answer = ask_token(http, add_caller(db))

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content_type == "application/json"
    assert answer.get_json() | {"access_token": ""} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": 600,
        "scope": "stats:read members:read",
    }


def test_the_token_says_what_rfc_9068_asks_for_and_nothing_secret(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db)

    token = access_token(http, caller, "stats:read")

    parsed = jws.extract_compact(token.encode())
    assert parsed.headers() | {"kid": ""} == {"typ": "at+jwt", "alg": "ES256", "kid": ""}
    claims = json.loads(parsed.payload)
    assert claims["exp"] - claims["iat"] == 600
    unpredictable = {"jti": "", "iat": 0, "exp": 0}
    assert claims | unpredictable == unpredictable | {
        "iss": "http://127.0.0.1:8000",
        "aud": "http://127.0.0.1:8000",
        "sub": "w1",
        "client_id": caller.id,
        "scope": "stats:read",
        "kind": "webmaster",
        "partner": "w1",
        "cv": 1,
    }


@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        (PartnerKind.WEBMASTER, "stats:read members:read"),
        (PartnerKind.MODEL_CENTER, "cards:read"),
        (PartnerKind.PLATFORM, "events:write privacy:write disclosures:read"),
        (PartnerKind.AUDITOR, "audit:read"),
    ],
)
def test_every_kind_gets_its_scopes_by_default(http: FlaskClient, db: Database, kind: PartnerKind, scope: str) -> None:
    assert ask_token(http, add_caller(db, kind)).get_json()["scope"] == scope


def test_sensitive_cards_are_given_only_when_asked_for(http: FlaskClient, db: Database) -> None:
    center = add_caller(db, PartnerKind.MODEL_CENTER, scopes=("cards:read", "cards.sensitive:read"))

    assert ask_token(http, center).get_json()["scope"] == "cards:read"
    both = "cards:read cards.sensitive:read"
    assert ask_token(http, center, scope=both).get_json()["scope"] == both


@pytest.mark.parametrize(
    "asked",
    [
        "cards:read",
        "stats:read cards:read",
        "stats:read members:read",
        "nonsense",
        "stats:read  stats:read",
        " ",
        "\x00",
    ],
)
def test_a_scope_outside_the_registered_set_is_refused_and_never_trimmed(
    http: FlaskClient, db: Database, asked: str
) -> None:
    caller = add_caller(db, scopes=("stats:read",))

    answer = ask_token(http, caller, scope=asked)

    assert answer.status_code == 400
    assert answer.get_json()["error"] == "invalid_scope"
    (record,) = records_of(db, answer)
    assert (record["outcome"], record["reason"], record["client"]) == ("denied", "insufficient_scope", caller.id)


def test_an_empty_scope_is_as_good_as_none(http: FlaskClient, db: Database) -> None:
    assert ask_token(http, add_caller(db), scope="").get_json()["scope"] == "stats:read members:read"


def test_an_issue_is_recorded_with_its_client(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db)

    answer = ask_token(http, caller)

    assert records_of(db, answer) == [
        {
            "audience": "webmaster",
            "partner": "w1",
            "client": caller.id,
            "model": None,
            "operation": "oauth.token",
            "purpose": "operation",
            "outcome": "released",
            "status": 200,
            "reason": None,
        }
    ]


def test_a_token_that_cannot_be_recorded_is_not_issued(http: FlaskClient, db: Database, database_url: str) -> None:
    caller = add_caller(db)
    owner = database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text("REVOKE INSERT ON access_log FROM gateway_write"))

    answer = ask_token(http, caller)

    with owner.begin() as connection:
        connection.execute(text("GRANT INSERT ON access_log TO gateway_write"))
    owner.dispose()
    assert answer.status_code == 503
    assert answer.get_json()["error"] == "temporarily_unavailable"
    assert answer.headers["Retry-After"]
    assert "access_token" not in answer.text
    assert ask_token(http, caller).status_code == 200


def test_without_the_terms_there_is_no_token(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db, partner="no-terms", terms_accepted_at=None)

    answer = ask_token(http, caller)

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")
    assert records_of(db, answer)[0]["reason"] == "insufficient_scope"


@pytest.mark.parametrize("safeguard", [None, "SCC-2021"])
def test_outside_the_eea_member_rows_need_a_safeguard(http: FlaskClient, db: Database, safeguard: str | None) -> None:
    caller = add_caller(db, partner=f"abroad-{safeguard}", country="US", safeguard=safeguard)

    by_default = ask_token(http, caller).get_json()
    asked = ask_token(http, caller, scope="members:read").get_json()

    assert by_default["scope"] == ("stats:read members:read" if safeguard else "stats:read")
    assert asked.get("scope", asked.get("error")) == ("members:read" if safeguard else "invalid_scope")


def test_a_model_center_outside_the_eea_without_a_safeguard_gets_no_cards(http: FlaskClient, db: Database) -> None:
    center = add_caller(db, PartnerKind.MODEL_CENTER, partner="far-studio", country="US")

    assert ask_token(http, center).get_json()["error"] == "invalid_scope"


@pytest.mark.parametrize("scope", ["cards:read", "cards.sensitive:read", "cards:read cards.sensitive:read"])
def test_nor_does_it_get_the_sensitive_part_of_them(http: FlaskClient, db: Database, scope: str) -> None:
    scopes = ("cards:read", "cards.sensitive:read")
    center = add_caller(db, PartnerKind.MODEL_CENTER, partner="far-studio", country="US", scopes=scopes)

    assert ask_token(http, center, scope=scope).get_json()["error"] == "invalid_scope"


@pytest.mark.parametrize("of", ["client", "partner"])
def test_suspension_stops_the_next_token_and_resuming_permits_new_ones(
    http: FlaskClient, db: Database, of: str
) -> None:
    caller = add_caller(db, partner=f"suspended-{of}")
    _set_standing(db, caller, of, "suspend")

    refused = ask_token(http, caller)
    _set_standing(db, caller, of, "resume")

    assert (refused.status_code, refused.get_json()["error"]) == (401, "invalid_client")
    assert records_of(db, refused)[0]["reason"] == "suspended"
    assert ask_token(http, caller).status_code == 200


@pytest.mark.parametrize("of", ["client", "partner"])
def test_no_token_from_before_a_suspension_lives_again(http: FlaskClient, db: Database, of: str) -> None:
    caller = add_caller(db, partner=f"resumed-{of}")
    old = bearer(access_token(http, caller))
    assert http.get("/probe/stats", headers=old).status_code == 200

    _set_standing(db, caller, of, "suspend")
    during = http.get("/probe/stats", headers=old)
    _set_standing(db, caller, of, "resume")
    after = http.get("/probe/stats", headers=old)

    assert (during.status_code, after.status_code) == (401, 401)
    assert records_of(db, during)[0]["reason"] == "suspended"
    assert records_of(db, after)[0]["reason"] == "invalid_token"
    assert http.get("/probe/stats", headers=bearer(access_token(http, caller))).status_code == 200


@pytest.mark.parametrize(
    ("network", "address", "status"),
    [
        ("192.0.2.0/24", "192.0.2.7", 200),
        ("192.0.2.0/24", "198.51.100.1", 401),
        ("192.0.2.0/24", "::ffff:192.0.2.7", 200),
        ("192.0.2.0/24", "not an address", 401),
        ("2001:db8::/32", "2001:db8::1", 200),
        ("2001:db8::/32", "2001:db9::1", 401),
        ("2001:db8::/32", "fe80::1%eth0", 401),
    ],
)
def test_tokens_are_issued_to_and_accepted_from_permitted_networks_only(
    app: Flask, db: Database, *, network: str, address: str, status: int
) -> None:
    caller = add_caller(db, allowed_networks=(network,))
    home = {"192.0.2.0/24": "192.0.2.1", "2001:db8::/32": "2001:db8::2"}[network]
    inside = app.test_client()
    inside.environ_base["REMOTE_ADDR"] = home
    token = access_token(inside, caller)
    elsewhere = app.test_client()
    elsewhere.environ_base["REMOTE_ADDR"] = address

    forged = elsewhere.get("/probe/stats", headers=bearer(token) | {"X-Forwarded-For": home})

    assert ask_token(elsewhere, caller).status_code == status
    assert elsewhere.get("/probe/stats", headers=bearer(token)).status_code == status
    assert forged.status_code == status


def test_an_authenticated_tracker_has_no_grant_of_its_own(http: FlaskClient, db: Database) -> None:
    tracker = add_caller(db, PartnerKind.TRACKER, redirect_uris=("https://tracker.example/back",))

    assert ask_token(http, tracker).get_json()["error"] == "unauthorized_client"


def test_secrets_and_tokens_are_stored_nowhere(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db, auth_method=AuthMethod.CLIENT_SECRET_BASIC)
    token = access_token(http, caller)

    with db.write.connect() as connection:
        everything = dump(connection)

    assert caller.secret is not None
    assert caller.secret not in everything
    assert token not in everything
    assert token.rpartition(".")[2] not in everything


def _set_standing(db: Database, caller: Caller, of: str, verb: str) -> None:
    with db.write.begin() as connection:
        if of == "partner":
            getattr(partners, verb)(connection, caller.partner)
        else:
            getattr(clients, verb)(connection, caller.id)
