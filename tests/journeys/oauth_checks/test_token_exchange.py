"""Checks 63 to 65: a model center acts for the model whose living session it presents."""

import json
import time
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey

from tests.callers import EXCHANGE, JWT_TYPE, SESSIONS, FromNow, sign
from tests.feeding import event
from tests.journeys.oauth_checks.target import Answer, Client, Feature, Target, refused
from tests.journeys.oauth_checks.test_resource_server import feed

MODEL = "mdl-63"


@pytest.fixture(scope="module")
def center(target: Target) -> Client:
    """A model center's client, and a model that is registered."""
    target.needs(Feature.EXCHANGE)
    made: Client = target.operator.center()
    feed(target, event("model.registered", MODEL, name="Model"))
    return made


def session(target: Target, center: Client, **claims: Any) -> str:
    return signed(center.session_key, {}, usual(target) | claims)


def usual(target: Target) -> dict[str, Any]:
    now = int(time.time())
    return {"iss": SESSIONS, "sub": MODEL, "aud": target.issuer, "iat": now, "exp": now + 600}


def signed(key: Any, header: dict[str, Any], claims: dict[str, Any]) -> str:
    return sign(key, {"kid": "sessions-1"} | header, claims)


def exchange(target: Target, client: Client, token: str, **form: str) -> Answer:
    wanted = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": JWT_TYPE}
    return target.ask(client, wanted | form)


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "https://other.example"},
        {"aud": None},
        {"azp": "another-center"},
        {"may_act": {"sub": "another-center"}},
        {"exp": FromNow(-1)},
        {"exp": FromNow(3_600)},
        {"exp": None},
        {"exp": "soon"},
        {"iat": FromNow(300)},
        {"sub": None},
        {"sub": ["mdl-63"]},
        {"sub": "mdl-unknown"},
    ],
    ids=lambda claims: repr(claims)[:40],
)
def test_check_63_a_session_that_is_foreign_or_over_is_refused(
    target: Target, center: Client, claims: dict[str, Any]
) -> None:
    assert refused(exchange(target, center, session(target, center, **claims)), "invalid_request")


def test_check_63_a_session_signed_otherwise_is_refused(target: Target, center: Client) -> None:
    good = session(target, center)
    secret = OctKey.import_key("secret" * 8)

    for token in (
        signed(ECKey.generate_key("P-256"), {}, usual(target)),
        signed(secret, {"alg": "HS256"}, usual(target)),
        "eyJhbGciOiJub25lIn0." + good.split(".")[1] + ".",
        good[:-4] + "AAAA",
        "garbage",
    ):
        assert refused(exchange(target, center, token), "invalid_request"), token


def test_check_63_other_kinds_of_token_are_refused(target: Target, center: Client) -> None:
    for kind in ("urn:ietf:params:oauth:token-type:saml2", "urn:ietf:params:oauth:token-type:access_token", ""):
        answer = exchange(target, center, session(target, center), subject_token_type=kind)
        assert refused(answer, "invalid_request")


def test_check_64_the_token_names_the_model_and_who_acts(target: Target, center: Client) -> None:
    ends = int(time.time()) + 60

    answer = exchange(target, center, session(target, center, exp=ends))

    told = answer.json()
    claims = json.loads(urlsafe_b64decode(told["access_token"].split(".")[1] + "=="))
    assert (claims["sub"], claims["act"], claims["client_id"]) == (MODEL, {"sub": center.id}, center.id)
    assert claims["exp"] <= ends
    assert 50 <= told["expires_in"] <= 60
    assert told["issued_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
    assert "refresh_token" not in told


def test_check_65_only_a_model_center_exchanges_and_within_its_scopes(target: Target, center: Client) -> None:
    held = session(target, center)

    assert refused(exchange(target, target.operator.reader(), held), "unauthorized_client")
    for scope in ("cards.sensitive:read", "cards:read cards.sensitive:read", "stats:read"):
        assert refused(exchange(target, center, held, scope=scope), "invalid_scope")
