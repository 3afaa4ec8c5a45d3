"""Clients that prove themselves by a secret: over HTTP Basic, in one way, and with one answer for every failure."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from partners.database import Database
from partners.registry import clients, secrets
from partners.tables.partner import client
from partners.vocabulary import AuthMethod
from tests.callers import ASSERTION_TYPE, Caller, add_caller, ask_token, assertion, basic
from tests.gateway.oauth.records import records_of

GRANT = {"grant_type": "client_credentials"}


def test_current_and_previous_secret_work_during_the_overlap(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db)

    new = _rotated(db, caller, timedelta(days=14))

    assert ask_token(http, caller).status_code == 200
    assert _ask(http, basic(caller.id, new)).status_code == 200


def test_a_secret_past_its_overlap_is_refused(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db)

    new = _rotated(db, caller, timedelta(0))

    assert ask_token(http, caller).status_code == 401
    assert _ask(http, basic(caller.id, new)).status_code == 200


def test_after_two_rotations_only_the_two_newest_secrets_live(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db)

    second = _rotated(db, caller, timedelta(days=14))
    third = _rotated(db, caller, timedelta(days=14))

    answers = [_ask(http, basic(caller.id, secret or "")) for secret in (caller.secret, second, third)]
    assert [answer.status_code for answer in answers] == [401, 200, 200]


def test_unknown_client_and_wrong_secret_look_alike_to_the_byte(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db)

    wrong = _ask(http, basic(caller.id, "gws_wrong"))
    unknown = _ask(http, basic("cl_unknown", "gws_wrong"))
    keyed = _ask(http, basic(add_caller(db, auth_method=AuthMethod.PRIVATE_KEY_JWT).id, "gws_wrong"))

    assert {answer.status_code for answer in (wrong, unknown, keyed)} == {401}
    assert wrong.data == unknown.data == keyed.data
    assert wrong.get_json()["error"] == "invalid_client"
    assert _stable_headers(wrong) == _stable_headers(unknown) == _stable_headers(keyed)
    assert wrong.headers["WWW-Authenticate"].startswith("Basic ")
    assert records_of(db, wrong)[0]["reason"] == "invalid_token"
    assert records_of(db, wrong)[0]["client"] == caller.id
    assert records_of(db, unknown)[0]["reason"] == "unknown"
    assert records_of(db, unknown)[0]["client"] is None


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!not-base64!!!",
        "Basic " + b64encode(b"no-colon").decode(),
        "Basic " + b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + b64encode("cl_é:sécret".encode()).decode(),
        "Basic " + b64encode(b"cl_x:%ff%00").decode(),
        "Basic " + b64encode(b"\x00:\x00").decode(),
        "Basic " + b64encode(b":").decode(),
        "Basic \xe9",
        "Bearer abc",
        "Digest username=x",
        "\xff\xfe",
        "",
    ],
)
def test_an_odd_authorization_header_is_a_failed_authentication(http: FlaskClient, header: str) -> None:
    answer = _ask(http, {"Authorization": header})

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


def test_a_wrong_secret_with_other_characters_is_refused_for_a_known_client(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db)

    for secret in ("sécret", "\x00", "x" * 10_000, ""):
        assert _ask(http, basic(caller.id, secret)).status_code == 401


def test_a_secret_in_the_query_is_refused(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db)

    answer = http.post(f"/oauth/token?client_id={caller.id}&client_secret={caller.secret}", data=GRANT)

    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


def test_a_secret_in_the_body_is_no_registered_method(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db)

    answer = http.post("/oauth/token", data=GRANT | {"client_id": caller.id, "client_secret": caller.secret})

    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
def test_two_ways_at_once_are_refused(http: FlaskClient, db: Database, path: str) -> None:
    caller = add_caller(db)
    keyed = add_caller(db, auth_method=AuthMethod.PRIVATE_KEY_JWT)
    header = basic(caller.id, caller.secret or "")
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion(keyed)}

    answers = [
        http.post(path, data=GRANT | {"token": "x", "client_secret": caller.secret or ""}, headers=header),
        http.post(path, data=GRANT | {"token": "x"} | proof, headers=header),
        http.post(path, data=GRANT | {"token": "x", "client_secret": "x"} | proof),
    ]

    assert [(answer.status_code, answer.get_json()["error"]) for answer in answers] == [(400, "invalid_request")] * 3


def test_header_and_body_must_name_the_same_client(http: FlaskClient, db: Database) -> None:
    caller, other = add_caller(db), add_caller(db)

    assert ask_token(http, caller, client_id=caller.id).status_code == 200
    answer = ask_token(http, caller, client_id=other.id)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke", "/oauth/introspect"])
def test_a_client_may_use_its_registered_method_only(http: FlaskClient, db: Database, path: str) -> None:
    by_secret = add_caller(db)
    by_keys = add_caller(db, auth_method=AuthMethod.PRIVATE_KEY_JWT)
    impostor = Caller(by_secret.id, by_secret.partner, by_secret.kind, key=by_keys.key)
    proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion(impostor)}

    answers = [
        http.post(path, data=GRANT | {"token": "x"} | proof),
        http.post(path, data=GRANT | {"token": "x"}, headers=basic(by_keys.id, by_secret.secret or "")),
        http.post(path, data=GRANT | {"token": "x"}),
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 401]


def test_the_registered_method_decides_even_where_both_kinds_of_credentials_exist(
    http: FlaskClient, db: Database
) -> None:
    by_secret, by_keys = add_caller(db), add_caller(db, auth_method=AuthMethod.PRIVATE_KEY_JWT)
    keys = {"keys": [dict(by_keys.key.as_dict(private=False))]} if by_keys.key else {}
    with db.write.begin() as connection:
        stray = secrets.add(connection, by_keys.id, now=datetime.now(UTC))
        connection.execute(update(client).where(client.c.id == by_secret.id).values(jwks=keys))
    signing = Caller(by_secret.id, by_secret.partner, by_secret.kind, key=by_keys.key)

    assert ask_token(http, by_secret).status_code == 200
    assert ask_token(http, signing).status_code == 401
    assert ask_token(http, by_keys).status_code == 200
    assert _ask(http, basic(by_keys.id, stray)).status_code == 401


def test_credentials_under_another_scheme_are_not_basic(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db)
    header = basic(caller.id, caller.secret or "")["Authorization"]

    assert _ask(http, {"Authorization": header.replace("Basic", "basic")}).status_code == 200
    assert _ask(http, {"Authorization": header.replace("Basic", "Bearer")}).status_code == 401


def _ask(http: FlaskClient, headers: dict[str, str]) -> TestResponse:
    return http.post("/oauth/token", data=GRANT, headers=headers)


def _rotated(db: Database, caller: Caller, overlap: timedelta) -> str:
    with db.write.begin() as connection:
        made = clients.rotate_secret(connection, caller.id, overlap=overlap, now=datetime.now(UTC))
    assert made.secret is not None
    return made.secret


def _stable_headers(answer: TestResponse) -> list[tuple[str, str]]:
    return [(name, value) for name, value in answer.headers if name not in {"X-Request-Id", "Date"}]
