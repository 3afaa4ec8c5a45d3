"""Clients that prove themselves by a secret: over HTTP Basic, in one way, and with one answer for every failure."""

from datetime import UTC, datetime, timedelta

from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from partners.postgres.database import Database
from partners.registry import clients, secrets
from partners.tables.partner import client
from partners.vocabulary import AuthMethod
from tests.callers import Caller, add_caller, ask_token, basic
from tests.gateway.oauth.records import records_of

GRANT = {"grant_type": "client_credentials"}


def test_after_two_rotations_only_the_two_newest_secrets_live(http: FlaskClient, db: Database) -> None:
    caller = add_caller(db)

    second = _rotated(db, caller, timedelta(days=14))
    third = _rotated(db, caller, timedelta(days=14))

    answers = [_ask(http, basic(caller.id, secret or "")) for secret in (caller.secret, second, third)]
    assert [answer.status_code for answer in answers] == [401, 200, 200]


def test_a_secret_is_one_client_s_alone(http: FlaskClient, db: Database) -> None:
    caller, other = add_caller(db), add_caller(db)

    assert _ask(http, basic(other.id, caller.secret or "")).status_code == 401
    assert ask_token(http, other).status_code == 200


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
    assert ask_token(http, by_keys).status_code == 200
    for refused, whose in [(ask_token(http, signing), by_secret), (_ask(http, basic(by_keys.id, stray)), by_keys)]:
        (record,) = records_of(db, refused)
        assert (record["status"], record["client"], record["reason"]) == (401, whose.id, "invalid_token")


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
