"""A partner's server gets a token with its client's credentials, and the guard lets it in."""

from flask.testing import FlaskClient

from partners.database import Database
from partners.vocabulary import PartnerKind
from tests.callers import access_token, add_caller, ask_token, model_token


def test_a_secret_gives_a_token_with_all_registered_scopes(http: FlaskClient, db: Database) -> None:
    answer = ask_token(http, add_caller(db))

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json() | {"access_token": ""} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": 600,
        "scope": "stats:read members:read",
    }


def test_keys_give_a_token(http: FlaskClient, db: Database) -> None:
    center = add_caller(db, PartnerKind.MODEL_CENTER)

    assert access_token(http, center)
    assert model_token(http, db, center)
