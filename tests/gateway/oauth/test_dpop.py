"""Tokens bound to a key (RFC 9449): got with a proof, used with proofs alone, and refused in every other hand."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey
from sqlalchemy import func, insert, select
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from gateway.application import create_app
from gateway.settings import Settings
from partners.postgres.database import Database
from partners.registry import clients
from partners.tables.partner import spent_proof
from partners.vocabulary import PartnerKind
from tests.callers import Caller, access_token, add_caller, ask_token, basic, bearer, exchange, session, signed_anyhow
from tests.factories import add_model
from tests.gateway.oauth.conftest import add_probes
from tests.gateway.oauth.records import records_of
from tests.proofs import Prover

PATH = "/probe/stats"
HOME = "https://gateway.example"
DENIED = {"operation": "probe", "outcome": "denied", "status": 401, "reason": "invalid_token"}


@pytest.fixture(scope="module")
def caller(db: Database) -> Caller:
    """A webmaster's client that may have bound tokens and others."""
    return add_caller(db)


@pytest.fixture
def prover() -> Prover:
    """Somebody with a key."""
    return Prover()


@pytest.fixture(scope="module")
def strict(settings: Settings, database_url: str) -> Iterator[Flask]:
    """A gateway at another address that takes bound tokens only, and proofs only with nonces."""
    changed = replace(settings, issuer=HOME, dpop_required=True, dpop_nonces=True)
    application = create_app(changed, database_url)
    add_probes(application)
    yield application
    application.extensions["runtime"].database.dispose()


def bound(http: FlaskClient, caller: Caller, prover: Prover) -> str:
    document = ask_token(http, caller, headers=prover.for_token()).get_json()
    assert document["token_type"] == "DPoP"
    token: str = document["access_token"]
    return token


def fault(answer: TestResponse) -> tuple[int, str]:
    """The status and the challenge's error."""
    challenge = answer.headers.get("WWW-Authenticate", "")
    assert answer.status_code == 200 or challenge.startswith('DPoP realm="member-data-gateway", error="'), challenge
    assert answer.status_code == 200 or ', algs="ES256 Ed25519 EdDSA PS256", resource_metadata="http' in challenge
    return answer.status_code, challenge.partition('error="')[2].partition('"')[0]


def refusal(answer: TestResponse) -> tuple[int, str]:
    """The status and error of an OAuth endpoint."""
    return answer.status_code, answer.get_json().get("error", "")


class TestBinding:
    @pytest.mark.parametrize(
        "key",
        [
            ECKey.generate_key("P-256"),
            OKPKey.generate_key("Ed25519"),
            RSAKey.generate_key(2048),
            RSAKey.generate_key(4096),
        ],
        ids=["ES256", "Ed25519", "PS256", "PS256-4096"],
    )
    def test_a_token_is_bound_to_whatever_key_was_proved(
        self, http: FlaskClient, caller: Caller, key: ECKey | OKPKey | RSAKey
    ) -> None:
        prover = Prover(key)
        token = bound(http, caller, prover)

        answer = http.get(PATH, headers=prover.headers(token, PATH))

        assert (answer.status_code, answer.get_json()["client"]) == (200, caller.id)
        assert json.loads(jws.extract_compact(token.encode()).payload)["cnf"] == {"jkt": prover.thumbprint}

    def test_the_older_name_of_ed25519_is_taken(self, http: FlaskClient, caller: Caller) -> None:
        prover = Prover(OKPKey.generate_key("Ed25519"))

        answer = ask_token(http, caller, headers=prover.for_token(header={"alg": "EdDSA"}))

        assert answer.get_json()["token_type"] == "DPoP"

    def test_the_thumbprint_is_that_of_rfc_7638_whatever_else_the_key_says(
        self, http: FlaskClient, caller: Caller, prover: Prover
    ) -> None:
        jwk = prover.key.as_dict(private=False) | {"kid": "mine", "use": "sig", "key_ops": ["verify"], "ext": True}
        token = ask_token(http, caller, headers=prover.for_token(header={"jwk": jwk})).get_json()["access_token"]

        assert http.get(PATH, headers=prover.headers(token, PATH)).status_code == 200

    def test_an_exchanged_token_is_bound_too(self, http: FlaskClient, db: Database, prover: Prover) -> None:
        center = add_caller(db, PartnerKind.MODEL_CENTER)
        with db.write.begin() as connection:
            add_model(connection, "mdl-1")
        answer = exchange(http, center, session(center), headers=prover.for_token())
        token = answer.get_json()["access_token"]

        assert answer.get_json()["token_type"] == "DPoP"
        assert answer.get_json()["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
        used = http.get("/probe/cards", headers=prover.headers(token, "/probe/cards"))
        assert (used.status_code, used.get_json()["model"]) == (200, "mdl-1")
        assert fault(http.get("/probe/cards", headers=bearer(token))) == (401, "invalid_token")

    def test_introspection_tells_of_the_key(self, http: FlaskClient, caller: Caller, prover: Prover) -> None:
        header = basic(caller.id, caller.secret or "")
        tokens = {"DPoP": bound(http, caller, prover), "Bearer": access_token(http, caller)}

        told = {
            kind: http.post("/oauth/introspect", data={"token": token}, headers=header).get_json()
            for kind, token in tokens.items()
        }

        assert {kind: document["token_type"] for kind, document in told.items()} == {"DPoP": "DPoP", "Bearer": "Bearer"}
        assert told["DPoP"]["cnf"] == {"jkt": prover.thumbprint}
        assert "cnf" not in told["Bearer"]

    def test_a_bound_token_can_be_revoked(self, http: FlaskClient, caller: Caller, prover: Prover) -> None:
        token = bound(http, caller, prover)

        http.post("/oauth/revoke", data={"token": token}, headers=basic(caller.id, caller.secret or ""))

        assert fault(http.get(PATH, headers=prover.headers(token, PATH))) == (401, "invalid_token")

    def test_without_client_authentication_a_proof_is_not_even_read(self, http: FlaskClient, db: Database) -> None:
        before = count(db)
        answer = http.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, headers=Prover().for_token() | basic("cl_x", "x")
        )

        assert refusal(answer) == (401, "invalid_client")
        assert count(db) == before


class TestUse:
    def test_a_bound_token_is_worth_nothing_without_its_key(
        self, http: FlaskClient, db: Database, caller: Caller, prover: Prover
    ) -> None:
        """66."""
        token, other = bound(http, caller, prover), Prover()
        refused = {
            "invalid_token": [bearer(token), bearer(token) | {"DPoP": prover.proof("GET", PATH, token=token)}],
            "invalid_dpop_proof": [{"Authorization": f"DPoP {token}"}],
        }
        refused["invalid_token"].append(other.headers(token, PATH))

        for error, requests in refused.items():
            for headers in requests:
                answer = http.get(PATH, headers=headers)
                assert fault(answer) == (401, error)
                (record,) = records_of(db, answer)
                assert record == record | DENIED
                assert (record["audience"], record["partner"], record["client"]) == ("webmaster", "w1", caller.id)
        assert http.get(PATH, headers=prover.headers(token, PATH)).status_code == 200

    def test_a_proof_that_is_missing_is_told_from_one_that_is_no_good(
        self, http: FlaskClient, caller: Caller, prover: Prover
    ) -> None:
        headers = {"Authorization": f"DPoP {bound(http, caller, prover)}"}

        missing, bad = (http.get(PATH, headers=headers | more).get_json() for more in ({}, {"DPoP": "x"}))

        assert missing["detail"] == "The proof is missing: each request brings a new one, in the DPoP header."
        assert bad["detail"].startswith("The proof is not one JWT")

    def test_a_bearer_token_stays_one(self, http: FlaskClient, caller: Caller, prover: Prover) -> None:
        token = access_token(http, caller)

        assert fault(http.get(PATH, headers=prover.headers(token, PATH))) == (401, "invalid_token")
        assert fault(http.get(PATH, headers={"Authorization": f"DPoP {token}"})) == (401, "invalid_token")
        assert http.get(PATH, headers=bearer(token) | {"DPoP": "no proof at all"}).status_code == 200

    @pytest.mark.parametrize("scheme", ["dpop", "DPOP", "dPoP"])
    def test_the_scheme_is_taken_in_any_case(
        self, http: FlaskClient, caller: Caller, prover: Prover, scheme: str
    ) -> None:
        token = bound(http, caller, prover)
        headers = prover.headers(token, PATH) | {"Authorization": f"{scheme} {token}"}

        assert http.get(PATH, headers=headers).status_code == 200

    def test_what_is_wrong_besides_is_told_in_the_same_scheme(
        self, http: FlaskClient, caller: Caller, prover: Prover
    ) -> None:
        token = bound(http, caller, prover)

        for_cards = http.get("/probe/cards", headers=prover.headers(token, "/probe/cards"))

        assert fault(http.get(PATH, headers=prover.headers("a.b.c", PATH))) == (401, "invalid_token")
        assert (for_cards.status_code, for_cards.headers["WWW-Authenticate"].partition(" ")[0]) == (403, "DPoP")

    def test_an_address_counts_as_it_was_decoded(self, http: FlaskClient, caller: Caller, prover: Prover) -> None:
        token = bound(http, caller, prover)
        headers = prover.headers(token, "/probe/%73tats")

        assert http.get(PATH, headers=headers).status_code == 200

    def test_a_proof_for_get_is_none_for_head(self, http: FlaskClient, caller: Caller, prover: Prover) -> None:
        token = bound(http, caller, prover)

        assert http.head(PATH, headers=prover.headers(token, PATH, "HEAD")).status_code == 200
        assert http.head(PATH, headers=prover.headers(token, PATH, "GET")).status_code == 401

    def test_a_proof_is_used_up_on_whatever_path_and_two_in_one_request_are_none(
        self, http: FlaskClient, caller: Caller, prover: Prover
    ) -> None:
        token = bound(http, caller, prover)
        good = prover.headers(token, PATH)
        twice = Headers(good | {"DPoP": prover.proof("GET", PATH, token=token)})
        twice.add("DPoP", prover.proof("GET", PATH, token=token))

        assert fault(http.get(PATH, headers=twice)) == (401, "invalid_dpop_proof")
        assert [fault(http.get(PATH, headers=good)) for _ in range(2)] == [(200, ""), (401, "invalid_dpop_proof")]

    def test_two_keys_may_choose_the_same_jti(self, http: FlaskClient, caller: Caller) -> None:
        for prover in (Prover(), Prover()):
            token = bound(http, caller, prover)
            assert http.get(PATH, headers=prover.headers(token, PATH, jti="one and the same")).status_code == 200


class TestMemory:
    def test_a_proof_is_remembered_as_long_as_it_would_be_good(
        self, http: FlaskClient, db: Database, caller: Caller, prover: Prover
    ) -> None:
        answer = ask_token(http, caller, headers=prover.for_token())

        assert answer.status_code == 200
        with db.write.connect() as connection:
            until = connection.execute(select(func.max(spent_proof.c.expires_at))).scalar_one()
        assert timedelta(seconds=65) < until - datetime.now(UTC) <= timedelta(seconds=71)

    def test_each_new_proof_sweeps_some_that_have_run_out(
        self, http: FlaskClient, db: Database, caller: Caller, prover: Prover
    ) -> None:
        past = datetime.now(UTC) - timedelta(minutes=5, seconds=1)
        with db.write.begin() as connection:
            rows = [{"key": b"k", "digest": bytes([number]), "expires_at": past} for number in range(20)]
            connection.execute(insert(spent_proof), rows)

        for left in (12, 4, 0, 0):
            ask_token(http, caller, headers=prover.for_token())
            with db.write.connect() as connection:
                old = select(func.count()).where(spent_proof.c.key == b"k")
                assert connection.execute(old).scalar_one() == left

    def test_a_stale_proof_is_refused_although_it_was_never_used(
        self, http: FlaskClient, caller: Caller, prover: Prover
    ) -> None:
        headers = prover.for_token()
        with time_machine.travel(datetime.now(UTC) + timedelta(seconds=62)):
            assert refusal(ask_token(http, caller, headers=headers)) == (400, "invalid_dpop_proof")

    def test_a_proof_that_was_made_for_later_is_refused(
        self, http: FlaskClient, caller: Caller, prover: Prover
    ) -> None:
        headers = prover.for_token(iat=int(time.time()) + 30)

        assert refusal(ask_token(http, caller, headers=headers)) == (400, "invalid_dpop_proof")


class TestDemand:
    def test_a_client_that_is_to_be_bound_gets_nothing_else(self, http: FlaskClient, db: Database) -> None:
        caller, prover = add_caller(db, dpop_bound=True), Prover()

        answer = ask_token(http, caller)

        assert refusal(answer) == (400, "invalid_dpop_proof")
        (record,) = records_of(db, answer)
        assert (record["outcome"], record["reason"], record["client"]) == ("denied", "invalid_token", caller.id)
        assert http.get(PATH, headers=prover.headers(bound(http, caller, prover), PATH)).status_code == 200

    def test_once_it_is_to_be_bound_what_is_not_is_dead(self, http: FlaskClient, db: Database, prover: Prover) -> None:
        caller = add_caller(db)
        token = access_token(http, caller)
        assert http.get(PATH, headers=bearer(token)).status_code == 200

        with db.write.begin() as connection:
            clients.bind_tokens(connection, caller.id, bound=True)

        assert http.get(PATH, headers=bearer(token)).status_code == 401
        assert refusal(ask_token(http, caller)) == (400, "invalid_dpop_proof")
        kept = bound(http, caller, prover)
        with db.write.begin() as connection:
            clients.bind_tokens(connection, caller.id, bound=False)
        assert http.get(PATH, headers=prover.headers(kept, PATH)).status_code == 200
        assert ask_token(http, caller).get_json()["token_type"] == "Bearer"

    def test_a_gateway_may_take_bound_tokens_only(self, strict: Flask, db: Database) -> None:
        caller, http, loose = add_caller(db), strict.test_client(), Prover()
        document = http.get("/.well-known/oauth-protected-resource").get_json()

        assert refusal(ask_token(http, caller)) == (400, "invalid_dpop_proof")
        assert http.get(PATH).headers["WWW-Authenticate"].startswith('DPoP realm="member-data-gateway", algs="')
        assert document["dpop_bound_access_tokens_required"] is True
        assert http.get(PATH, headers=bearer(unbound_token(strict, http, caller, loose))).status_code == 401


class TestNonces:
    def test_a_nonce_is_given_and_then_demanded(self, strict: Flask, db: Database, prover: Prover) -> None:
        caller, http = add_caller(db), strict.test_client()
        htu = {"htu": f"{HOME}/oauth/token"}

        first = ask_token(http, caller, headers=prover.for_token(**htu))
        nonce = first.headers["DPoP-Nonce"]
        second = ask_token(http, caller, headers=prover.for_token(**htu, nonce=nonce))
        token = second.get_json()["access_token"]
        asked = http.get(PATH, headers=prover.headers(token, PATH, htu=HOME + PATH))
        answered = http.get(
            PATH, headers=prover.headers(token, PATH, htu=HOME + PATH, nonce=asked.headers["DPoP-Nonce"])
        )

        assert refusal(first) == (400, "use_dpop_nonce")
        (record,) = records_of(db, first)
        assert (record["outcome"], record["reason"], record["client"]) == ("denied", "invalid_token", caller.id)
        assert (second.status_code, "DPoP-Nonce" in second.headers) == (200, False)
        assert fault(asked) == (401, "use_dpop_nonce")
        assert answered.status_code == 200

    @pytest.mark.parametrize("nonce", ["", "x", "A" * 32, 5, "é", "AAAAAGkAAAAAAAAAAAAAAAAAAAAAAAAA"])
    def test_what_the_gateway_did_not_make_is_none(self, strict: Flask, db: Database, nonce: object) -> None:
        headers = Prover().for_token(htu=f"{HOME}/oauth/token", nonce=nonce)

        answer = ask_token(strict.test_client(), add_caller(db), headers=headers)

        assert refusal(answer) == (400, "use_dpop_nonce")
        assert answer.headers["DPoP-Nonce"]

    def test_a_fresh_one_that_another_made_is_none(self, strict: Flask, db: Database) -> None:
        forged = urlsafe_b64encode(int(time.time()).to_bytes(8) + bytes(16)).decode()
        headers = Prover().for_token(htu=f"{HOME}/oauth/token", nonce=forged)

        assert refusal(ask_token(strict.test_client(), add_caller(db), headers=headers)) == (400, "use_dpop_nonce")

    @pytest.mark.parametrize(("age", "status"), [(140, 200), (160, 200), (301, 400)])
    def test_it_is_renewed_before_it_runs_out(self, strict: Flask, db: Database, age: int, status: int) -> None:
        caller, http, prover = add_caller(db), strict.test_client(), Prover()
        htu = {"htu": f"{HOME}/oauth/token"}
        with time_machine.travel(datetime.now(UTC) - timedelta(seconds=age)):
            nonce = ask_token(http, caller, headers=prover.for_token(**htu)).headers["DPoP-Nonce"]

        answer = ask_token(http, caller, headers=prover.for_token(**htu, nonce=nonce))

        assert (answer.status_code, "DPoP-Nonce" in answer.headers) == (status, age > 150)
        assert answer.headers.get("DPoP-Nonce") != nonce

    def test_where_none_is_demanded_none_is_given_and_a_foreign_one_is_nothing(
        self, http: FlaskClient, caller: Caller, prover: Prover
    ) -> None:
        answer = ask_token(http, caller, headers=prover.for_token(nonce="from elsewhere"))

        assert (answer.status_code, "DPoP-Nonce" in answer.headers) == (200, False)


class TestAddress:
    @pytest.mark.parametrize(
        ("htu", "is_ours"),
        [
            ("https://gateway.example/oauth/token", True),
            ("HTTPS://GATEWAY.EXAMPLE:443/oauth/token?a=b#c", True),
            ("https://gateway.example:/oauth/token", True),
            ("https://gateway.example:8443/oauth/token", False),
            ("http://gateway.example/oauth/token", False),
            ("http://evil.example/oauth/token", False),
            ("https://gateway.example@evil.example/oauth/token", False),
            ("https://user@gateway.example/oauth/token", False),
            ("https://gateway.example/oauth/token/", False),
            ("https://gateway.example/oauth/\ttoken", False),
            ("https://gateway.example:x/oauth/token", False),
            ("https://[gateway.example/oauth/token", False),
            ("/oauth/token", False),
            ("//gateway.example/oauth/token", False),
        ],
    )
    def test_it_is_measured_by_the_gateways_own_and_not_by_what_the_caller_calls_it(
        self, strict: Flask, db: Database, htu: str, is_ours: bool
    ) -> None:
        """A good address gets as far as the nonce."""
        caller = add_caller(db)
        headers = Prover().for_token(htu=htu) | {"X-Forwarded-Host": "evil.example"}
        headers |= basic(caller.id, caller.secret or "")
        form = {"grant_type": "client_credentials"}

        answer = strict.test_client().post("/oauth/token", data=form, headers=headers, base_url="https://evil.example")

        error = "use_dpop_nonce" if is_ours else "invalid_dpop_proof"
        assert refusal(answer) == (400, error)


def test_what_a_proof_lacks_is_told_and_nothing_of_it_repeated(http: FlaskClient, caller: Caller) -> None:
    headers = Prover().for_token(htu="https://evil.example/a-secret-place")

    document = ask_token(http, caller, headers=headers).get_json()

    assert document == {
        "error": "invalid_dpop_proof",
        "error_description": "The proof's htu is missing or not as it must be for this request.",
    }


def test_an_rsa_key_that_is_too_short_is_none(http: FlaskClient, caller: Caller) -> None:
    with pytest.warns(match="2048"):
        key = RSAKey.generate_key(1024)
    answer = ask_token(http, caller, headers=Prover(key).for_token())

    assert refusal(answer) == (400, "invalid_dpop_proof")


def count(db: Database) -> int:
    with db.write.connect() as connection:
        return connection.execute(select(func.count()).select_from(spent_proof)).scalar_one()


def unbound_token(app: Flask, http: FlaskClient, caller: Caller, prover: Prover) -> str:
    """A token as the gateway gave it out before it took bound ones only."""
    held = app.extensions["access_tokens"]
    first = ask_token(http, caller, headers=prover.for_token(htu=f"{HOME}/oauth/token"))
    nonce = first.headers["DPoP-Nonce"]
    token = ask_token(http, caller, headers=prover.for_token(htu=f"{HOME}/oauth/token", nonce=nonce)).get_json()
    claims = json.loads(jws.extract_compact(token["access_token"].encode()).payload)
    kid, key = held.keys.signing(datetime.now(UTC))
    told = {name: value for name, value in claims.items() if name != "cnf"}
    return signed_anyhow(key, {"typ": "at+jwt", "alg": "ES256", "kid": kid}, told)
