"""The token endpoint takes a form by POST and nothing else, and answers every oddity in the form of RFC 6749."""

import logging
from dataclasses import replace

import pytest
from authlib.oauth2.base import invalid_error_characters
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.application import create_app
from gateway.settings import Settings
from partners.postgres.database import Database
from tests.callers import Caller, add_caller, ask_token, basic

PATHS = ("/oauth/token", "/oauth/revoke", "/oauth/introspect")
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def caller(db: Database) -> Caller:
    """A client with a secret."""
    return add_caller(db)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_only_post_is_answered(http: FlaskClient, path: str, method: str) -> None:
    answer = http.open(path, method=method, data=GRANT)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert answer.get_json()["error"] == "invalid_request"


@pytest.mark.parametrize("path", PATHS)
def test_options_names_no_method_that_is_refused(http: FlaskClient, path: str) -> None:
    """RFC 9110 §10.2.1."""
    answer = http.options(path)

    assert (answer.status_code, answer.headers["Allow"]) == (204, "OPTIONS, POST")


@pytest.mark.parametrize("path", PATHS)
def test_other_bodies_than_forms_are_refused(http: FlaskClient, caller: Caller, path: str) -> None:
    header = basic(caller.id, caller.secret or "")
    answers = [
        http.post(path, json=GRANT | {"token": "x"}, headers=header),
        http.post(path, data=b"grant_type=client_credentials&token=x", headers=header, content_type="text/plain"),
        http.post(path, data=GRANT | {"token": "x"}, headers=header, content_type="multipart/form-data"),
        http.post(path, headers=header),
    ]

    assert [_error(answer) for answer in answers] == [(400, "invalid_request")] * 4


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("query", ["grant_type=client_credentials", "scope=stats:read", "x", "token=x"])
def test_parameters_in_the_address_are_refused(http: FlaskClient, caller: Caller, path: str, query: str) -> None:
    header = basic(caller.id, caller.secret or "")

    assert _error(http.post(f"{path}?{query}", data=GRANT | {"token": "x"}, headers=header)) == (400, "invalid_request")


@pytest.mark.parametrize("path", PATHS)
def test_repeated_parameters_are_refused(http: FlaskClient, caller: Caller, path: str) -> None:
    header = basic(caller.id, caller.secret or "")
    for repeated in (
        "grant_type=client_credentials",
        "scope=stats:read&scope=members:read",
        "token=x&token=x",
        "a=1&a=2",
    ):
        body = f"grant_type=client_credentials&{repeated}&{repeated}"
        answer = http.post(path, data=body, headers=header, content_type="application/x-www-form-urlencoded")
        assert _error(answer) == (400, "invalid_request")


def test_a_grant_type_is_needed(http: FlaskClient, caller: Caller) -> None:
    answer = http.post("/oauth/token", data={"scope": "stats:read"}, headers=basic(caller.id, caller.secret or ""))

    assert _error(answer) == (400, "invalid_request")


def test_descriptions_keep_to_their_character_set_and_answers_to_no_store(http: FlaskClient, caller: Caller) -> None:
    answers = [
        http.get("/oauth/token"),
        http.post("/oauth/token", json={}),
        ask_token(http, caller, scope='"\\é\n'),
        ask_token(http, caller, grant_type='"\\é\n'),
        http.post("/oauth/token", data=GRANT),
        http.post("/oauth/token", data="x" * 70_000, content_type="application/x-www-form-urlencoded"),
        http.post("/oauth/token", data=GRANT, base_url="http://gateway.example"),
    ]

    for answer in answers:
        assert not invalid_error_characters(answer.get_json()["error_description"])
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Request-Id"].startswith("req_")


def test_plain_http_is_enough_where_the_issuer_has_no_more(settings: Settings, db: Database, caller: Caller) -> None:
    there = "http://gateway.example:8000"
    http = create_app(replace(settings, issuer=there), db).test_client()

    answer = http.post("/oauth/token", data=GRANT, headers=basic(caller.id, caller.secret or ""), base_url=there)

    assert answer.status_code == 200


def test_plain_http_from_afar_is_refused_cleanly(http: FlaskClient, caller: Caller) -> None:
    header = basic(caller.id, caller.secret or "")

    answer = http.post("/oauth/token", data=GRANT, headers=header, base_url="http://gateway.example")

    assert _error(answer) == (400, "insecure_transport")
    assert http.post("/oauth/token", data=GRANT, headers=header, base_url="https://gateway.example").status_code == 200


def test_large_bodies_are_refused(http: FlaskClient, caller: Caller) -> None:
    assert _error(ask_token(http, caller, scope="x" * 70_000)) == (413, "invalid_request")


def test_authlib_never_logs_tokens(http: FlaskClient, caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        token = ask_token(http, caller).get_json()["access_token"]

    assert logging.getLogger("authlib").level == logging.INFO
    assert token not in caplog.text
    assert caller.secret
    assert caller.secret not in caplog.text


def _error(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]
