"""Limits on signing in: by name and source network, so that no stranger locks an owner out."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from itertools import islice
from threading import BoundedSemaphore, Event, Semaphore
from types import SimpleNamespace

import pytest
from argon2.exceptions import VerificationError
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from gateway.application import create_app
from gateway.serving.server import THREADS
from gateway.settings import USUAL_LIMITS, Settings
from partners.people import passwords
from partners.postgres.database import Database
from partners.tables.access import access_log
from partners.vocabulary import Work


@pytest.fixture
def tight(settings: Settings, database_url: str) -> Iterator[Flask]:
    """A gateway behind a proxy where one network may try three times."""
    limits = USUAL_LIMITS | {Work.SIGN_IN: "3/minute"}
    application = create_app(replace(settings, limits=limits, proxies=1), database_url)
    yield application
    application.extensions["runtime"].database.dispose()


def sign_in(http: FlaskClient, name: str, address: str, path: str = "/account/sign-in") -> TestResponse:
    page = http.get("/account/sign-in").get_data(as_text=True)
    form_token = page.partition('name="form_token" value="')[2].partition('"')[0]
    form = {"form_token": form_token, "name": name, "password": "a guess", "code": "123456"}
    return http.post(path, data=form, headers={"X-Forwarded-For": address})


def test_one_network_tries_one_name_a_few_times(tight: Flask, db: Database) -> None:
    http = tight.test_client()

    statuses = [sign_in(http, name, "192.0.2.1").status_code for name in ("anna", "Anna", " anna ")]
    refused = sign_in(http, "anna", "192.0.2.77")

    assert statuses == [401] * 3
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert "Too many attempts" in refused.get_data(as_text=True)
    with db.write.connect() as connection:
        asked = select(access_log.c.outcome).where(access_log.c.operation == "oauth.sign_in")
        assert sorted(connection.execute(asked).scalars()) == ["denied", "denied", "denied", "limited"]


def test_the_owner_signs_in_from_another_network_meanwhile(tight: Flask) -> None:
    http = tight.test_client()
    for _ in range(5):
        sign_in(http, "anna", "2001:db8:0:1::1")

    assert sign_in(http, "anna", "2001:db8:0:1:ffff::1").status_code == 429
    assert sign_in(http, "anna", "2001:db8:0:ff::1").status_code == 429
    assert sign_in(http, "anna", "2001:db8:1::1").status_code == 401
    assert sign_in(http, "anna", "198.51.100.1").status_code == 401
    assert sign_in(http, "ben", "2001:db8:0:1::1").status_code == 401


def test_one_network_tries_as_many_names_as_it_may_ask_for_tokens(settings: Settings, database_url: str) -> None:
    limits = USUAL_LIMITS | {Work.TOKEN: "2/minute"}
    application = create_app(replace(settings, limits=limits, proxies=1), database_url)
    http = application.test_client()

    statuses = [sign_in(http, name, "192.0.2.1").status_code for name in ("anna", "ben", "carl")]

    assert statuses == [401, 401, 429]
    assert sign_in(http, "carl", "198.51.100.1").status_code == 401
    application.extensions["runtime"].database.dispose()


def test_setting_up_is_limited_too(tight: Flask) -> None:
    http = tight.test_client()

    statuses = [sign_in(http, "x", "192.0.2.1", "/account/set-up").status_code for _ in range(4)]

    assert statuses == [400, 400, 400, 429]


def test_many_passwords_at_once_leave_threads_to_everything_else(tight: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    hashing, may_go_on = Semaphore(0), Event()

    def verify(*_: object) -> bool:
        hashing.release()
        may_go_on.wait(30)
        raise VerificationError

    monkeypatch.setattr(passwords, "_HASHER", SimpleNamespace(verify=verify))

    def attempt(number: int) -> TestResponse:
        return sign_in(tight.test_client(), f"name-{number}", f"192.0.{number}.1")

    with ThreadPoolExecutor(THREADS) as threads:
        tried = [threads.submit(attempt, number) for number in range(THREADS)]
        refused = list(islice(as_completed(tried, timeout=30), THREADS // 2))
        are_hashing = hashing.acquire() and hashing.acquire() and not hashing.acquire(blocking=False)
        may_go_on.set()

    assert are_hashing
    assert {(each.result().status_code, each.result().headers["Retry-After"]) for each in refused} == {(503, "5")}
    assert [each.result().status_code for each in tried if each not in refused] == [401] * (THREADS // 2)
    assert attempt(THREADS).status_code == 401


@pytest.mark.parametrize(("path", "refused"), [("/account/sign-in", 401), ("/account/set-up", 400)])
def test_only_who_has_a_turn_has_tried_and_who_is_limited_takes_none(
    tight: Flask, monkeypatch: pytest.MonkeyPatch, *, path: str, refused: int
) -> None:
    http = tight.test_client()

    def statuses(places: int, tries: int) -> list[int]:
        monkeypatch.setattr(passwords, "_AT_ONCE_OR_SOON", BoundedSemaphore(places))
        return [sign_in(http, "anna", "192.0.2.1", path).status_code for _ in range(tries)]

    assert statuses(places=0, tries=5) == [503] * 5
    assert statuses(places=1, tries=4) == [refused] * 3 + [429]
    assert statuses(places=0, tries=1) == [429]
