"""Resource indicators (RFC 8707): the gateway in whatever spelling, once or more; nobody else."""

import json

import pytest
from flask.testing import FlaskClient
from joserfc import jws

from partners.postgres.database import Database
from partners.vocabulary import PartnerKind
from tests.callers import ISSUER, add_caller, ask_token, exchange, session
from tests.factories import add_model

OURS = (ISSUER, [ISSUER, ISSUER], f"{ISSUER}/", "HTTP://127.0.0.1:8000", [], "")
OTHERS = (
    "https://other.example",
    [ISSUER, "https://other.example"],
    f"{ISSUER}#x",
    f"{ISSUER}?",
    f"{ISSUER}/v1",
    "http://127.0.0.1:8001",
    "urn:gateway",
    "é\x00",
)


@pytest.mark.parametrize("named", OURS, ids=str)
def test_the_audience_is_the_gateway_however_it_is_named(
    http: FlaskClient, db: Database, named: str | list[str]
) -> None:
    answer = ask_token(http, add_caller(db), resource=named)

    assert answer.status_code == 200
    assert json.loads(jws.extract_compact(answer.get_json()["access_token"].encode()).payload)["aud"] == ISSUER


@pytest.mark.parametrize("named", OTHERS, ids=repr)
def test_nobody_else_is_one(http: FlaskClient, db: Database, named: str | list[str]) -> None:
    answer = ask_token(http, add_caller(db), resource=named)

    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_target")


def test_an_exchange_takes_it_too(http: FlaskClient, db: Database) -> None:
    center = add_caller(db, PartnerKind.MODEL_CENTER)
    with db.write.begin() as connection:
        add_model(connection, "mdl-1")

    good = exchange(http, center, session(center), resource=[ISSUER, f"{ISSUER}/"])
    bad = exchange(http, center, session(center), resource=[ISSUER, "https://other.example"])

    assert (good.status_code, bad.status_code, bad.get_json()["error"]) == (200, 400, "invalid_target")


def test_nothing_else_may_be_repeated(http: FlaskClient, db: Database) -> None:
    answer = ask_token(http, add_caller(db), resource=[ISSUER, ISSUER], scope=["stats:read", "stats:read"])

    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")
