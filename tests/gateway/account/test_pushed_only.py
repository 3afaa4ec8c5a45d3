"""A gateway that takes pushed requests alone (RFC 9126)."""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from gateway.application import create_app
from gateway.settings import Settings
from partners.postgres import database
from partners.postgres.database import Database
from partners.tables.consent import pushed_request
from tests.callers import basic
from tests.journeys.tracking import add_tool


@pytest.fixture
def strict(settings: Settings, database_url: str) -> Iterator[Flask]:
    application = create_app(replace(settings, par_required=True), database_url)
    yield application
    application.extensions["runtime"].database.dispose()


def test_what_cannot_be_recorded_is_not_kept(strict: Flask, db: Database, database_url: str) -> None:
    tool, http, owner = add_tool(db, strict.config["ISSUER"]), strict.test_client(), database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text("REVOKE INSERT ON access_network FROM gateway_write"))

    answer = http.post("/oauth/par", data=tool.asks(), headers=basic(tool.client, tool.secret))

    with owner.begin() as connection:
        assert connection.execute(select(func.count()).select_from(pushed_request)).scalar_one() == 0
    owner.dispose()
    assert answer.status_code == 503


def test_what_comes_by_the_browser_is_refused_and_what_was_pushed_is_not(strict: Flask, db: Database) -> None:
    tool, http = add_tool(db, strict.config["ISSUER"]), strict.test_client()

    sent = http.get("/oauth/authorize", query_string=tool.asks())
    pushed = http.post("/oauth/par", data=tool.asks(), headers=basic(tool.client, tool.secret))
    opened = http.get(
        "/oauth/authorize", query_string={"client_id": tool.client, "request_uri": pushed.get_json()["request_uri"]}
    )

    told = parse_qs(urlsplit(sent.headers["Location"]).query)
    assert (sent.status_code, told["error"], told["iss"]) == (303, ["invalid_request"], [strict.config["ISSUER"]])
    assert opened.headers["Location"].startswith("/account/sign-in")
    document = http.get("/.well-known/oauth-authorization-server").get_json()
    assert document["require_pushed_authorization_requests"] is True
