"""Limits on signing in: by name and source network, so that no stranger locks an owner out."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from gateway.application import create_app
from gateway.settings import USUAL_LIMITS, Settings
from partners.database import Database
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
    assert sign_in(http, "anna", "2001:db8:1::1").status_code == 401
    assert sign_in(http, "anna", "198.51.100.1").status_code == 401
    assert sign_in(http, "ben", "2001:db8:0:1::1").status_code == 401


def test_setting_up_is_limited_too(tight: Flask) -> None:
    http = tight.test_client()

    statuses = [sign_in(http, "x", "192.0.2.1", "/account/set-up").status_code for _ in range(4)]

    assert statuses == [400, 400, 400, 429]
