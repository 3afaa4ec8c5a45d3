"""The real clock steps between requests: nobody is locked out or let in for it, and nothing goes unrecorded."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from gateway.http.limit_storage import ProcessStorage
from gateway.oauth.tokens import LIFETIME
from partners.access_log.identifiers import REQUEST_PREFIX, parse
from partners.postgres.database import Database
from partners.tables.access import access_log
from tests.callers import Caller, access_token, add_caller, ask_token, bearer

STEPS = [timedelta(seconds=-5), timedelta(hours=-3), timedelta(days=-20), timedelta(seconds=5), timedelta(days=40)]
PATH = "/v1/webmaster/members"


@pytest.fixture
def w1(db: Database) -> Caller:
    return add_caller(db)


def records(db: Database) -> int:
    with db.write.connect() as connection:
        return connection.execute(select(func.count()).select_from(access_log)).scalar_one()


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_after_a_step_new_tokens_work_and_old_ones_live_no_longer(
    db: Database, http: FlaskClient, w1: Caller, step: timedelta
) -> None:
    old = bearer(access_token(http, w1))
    assert http.get(PATH, headers=old).status_code == 200
    before = records(db)

    with time_machine.travel(datetime.now(UTC) + step):
        answers = [http.get(PATH, headers=headers) for headers in (old, bearer(access_token(http, w1)))]

    short = abs(step) < timedelta(seconds=10)
    assert [answer.status_code for answer in answers] == [200 if short else 401, 200]
    # The token that was asked for is on record too.
    assert records(db) == before + 3
    assert http.get(PATH, headers=old).status_code == 200


def test_ids_of_requests_never_repeat_when_time_does(http: FlaskClient) -> None:
    seen = set()
    for _ in range(50):
        with time_machine.travel(datetime(2026, 11, 25, 12, tzinfo=UTC), tick=False):
            request_id = http.get("/healthz").headers["X-Request-Id"]
        assert parse(REQUEST_PREFIX, request_id)
        seen.add(request_id)

    assert len(seen) == 50


def test_beyond_the_last_partition_nothing_is_said_and_back_again_everything(
    db: Database, http: FlaskClient, w1: Caller
) -> None:
    headers = bearer(access_token(http, w1))
    with time_machine.travel(datetime.now(UTC) + timedelta(days=200)):
        token = ask_token(http, w1)
        refused = http.get(PATH, headers=headers)
        ready = http.get("/readyz")
    before = records(db)

    # A refusal cannot be recorded either.
    assert [answer.status_code for answer in (token, refused, ready)] == [503] * 3
    assert {answer.headers["Retry-After"] for answer in (token, refused, ready)} == {"5"}
    assert http.get(PATH, headers=headers).status_code == 200
    assert records(db) == before + 1


def test_a_token_does_not_outlive_its_time_by_a_step_back(http: FlaskClient, w1: Caller) -> None:
    headers = bearer(access_token(http, w1))
    with time_machine.travel(datetime.now(UTC) + LIFETIME + timedelta(seconds=30)):
        assert http.get(PATH, headers=headers).status_code == 401


@pytest.mark.parametrize("step", [timedelta(hours=-3), timedelta(hours=3)], ids=str)
def test_a_limit_neither_locks_out_nor_lets_in_for_a_step(app: Flask, step: timedelta) -> None:
    _ = app
    storage = ProcessStorage()
    assert [storage.acquire_entry("w1", 2, 60) for _ in range(3)] == [True, True, False]

    with time_machine.travel(datetime.now(UTC) + step):
        assert not storage.acquire_entry("w1", 2, 60)
        start, taken = storage.get_moving_window("w1", 2, 60)
        assert taken == 2
        assert abs(datetime.fromtimestamp(start, UTC) - datetime.now(UTC)) < timedelta(seconds=10)
