"""What Prometheus is told: enough to see how the gateway does, nothing of whom it is about."""

from pathlib import Path

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from gateway.application import create_app
from gateway.settings import Settings
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.vocabulary import PartnerKind, Work
from tests.callers import access_token, add_caller, bearer
from tests.gateway.api.stage import Stage
from tests.journeys.serving import served

Figures = dict[tuple[str, ...], float]


def figures(exposition: str) -> Figures:
    """Samples by their name and the values of their labels, in order of the labels' names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


def told(http: FlaskClient) -> Figures:
    answer = http.get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    return figures(answer.text)


def test_requests_are_counted_by_template_method_and_class_of_status(http: FlaskClient) -> None:
    for path in ("/v1/model/members/night_owl", "/v1/model/members/day_owl", "/nothing/here"):
        http.get(path).close()
    http.open("/healthz", method="BREW").close()

    known = told(http)

    assert known["gateway_requests_total", "GET", "/v1/model/members/<username>", "4xx"] == 2
    assert known["gateway_requests_total", "GET", "none", "4xx"] == 1
    assert known["gateway_requests_total", "OTHER", "none", "4xx"] == 1
    assert known["gateway_request_seconds_count", "GET", "/v1/model/members/<username>"] == 2


def test_released_members_are_counted_by_audience(http: FlaskClient, db: Database, keyring: Keyring) -> None:
    stage = Stage(http, db, keyring)
    stage.member("m1")
    stage.member("m2")

    stage.webmasters["w1"].rows()
    stage.center.card("user_m1")

    known = told(http)
    assert known["gateway_released_members_total", "webmaster"] == 2
    assert known["gateway_released_members_total", "model_center"] == 1


def test_denials_are_counted_by_their_true_reason(http: FlaskClient, db: Database, keyring: Keyring) -> None:
    stage = Stage(http, db, keyring)
    http.get("/v1/webmaster/members")
    http.get("/v1/webmaster/members", headers=stage.headers)
    http.post("/oauth/token", data={"grant_type": "client_credentials"})
    with db.write.begin() as connection:
        connection.execute(text("UPDATE client SET status = 'suspended'"))
    stage.webmasters["w1"].get("/members")

    known = told(http)

    assert known["gateway_denials_total", "invalid_token"] == 1
    assert known["gateway_denials_total", "insufficient_scope"] == 1
    assert known["gateway_denials_total", "unknown"] == 1
    assert known["gateway_denials_total", "suspended"] == 1


def test_lines_of_the_feed_are_counted_by_result(http: FlaskClient, db: Database) -> None:
    token = bearer(access_token(http, add_caller(db, PartnerKind.PLATFORM)))
    line = (
        b'{"specversion":"1.0","source":"/site","id":"e-1","type":"model.registered","subject":"mdl-9",'
        b'"time":"2026-10-01T00:00:00Z","data":{"name":"Nine"}}\n'
    )

    http.post("/v1/platform/events", data=line * 2 + b"{\n", headers=token, content_type="application/x-ndjson")

    known = told(http)
    assert [known["gateway_feed_lines_total", result] for result in ("accepted", "duplicate", "rejected")] == [1, 1, 1]


def test_reached_limits_are_counted_by_kind_of_work(settings: Settings, database_url: str, db: Database) -> None:
    settings.limits[Work.STATS] = "1/minute"  # type: ignore[index]
    app = create_app(settings, database_url)
    http = app.test_client()
    token = bearer(access_token(http, add_caller(db)))

    for _ in range(3):
        http.get("/v1/webmaster/campaigns", headers=token)

    assert told(http)["gateway_limits_reached_total", "stats"] == 2
    app.extensions["runtime"].database.dispose()


def test_failures_of_the_database_are_counted(app: Flask, http: FlaskClient, db: Database) -> None:
    token = bearer(access_token(http, add_caller(db)))
    with db.write.connect() as connection:
        connection.execute(text("SET ROLE NONE"))
        connection.execute(text("ALTER TABLE access_log RENAME TO gone"))
        connection.commit()

    answer = app.test_client().get("/v1/webmaster/campaigns", headers=token)

    assert answer.status_code == 503
    assert told(http)["gateway_database_errors_total",] == 1


@pytest.mark.slow
@pytest.mark.usefixtures("db")
def test_any_worker_tells_the_figures_of_all(database_url: str, tmp_path: Path) -> None:
    with served(database_url, tmp_path, workers=2) as server:
        for _ in range(40):
            requests.get(f"{server.url}/healthz", timeout=5)
        counts = {
            figures(requests.get(f"{server.url}/metrics", timeout=5).text)[
                "gateway_requests_total", "GET", "/healthz", "2xx"
            ]
            for _ in range(10)
        }

    assert counts == {40}
