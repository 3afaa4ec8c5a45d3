"""Pages that refuse: in a form for people, whatever is wrong with what was asked or with the database."""

import pytest
from flask.testing import FlaskClient

from gateway.application import create_app
from gateway.settings import Settings


@pytest.fixture
def without_database(settings: Settings) -> FlaskClient:
    """The browser of somebody who may be signed in, at a gateway whose database is gone."""
    http = create_app(settings, "postgresql://nobody@127.0.0.1:1/none").test_client()
    http.set_cookie("gateway", "a" * 43)
    return http


@pytest.mark.parametrize(
    ("method", "path", "length", "status"),
    [
        ("GET", "/console", 0, 503),
        ("GET", "/account", 0, 503),
        ("GET", "/console/x", 0, 404),
        ("GET", "/console/export", 0, 405),
        ("GET", "/account/withdraw", 0, 405),
        ("DELETE", "/console", 0, 405),
        ("GET", "/account/x", 0, 404),
        ("POST", "/console/export", 70_000, 413),
        ("POST", "/account/sign-in", 70_000, 413),
    ],
)
def test_a_refusal_needs_no_database(
    without_database: FlaskClient, *, method: str, path: str, length: int, status: int
) -> None:
    answer = without_database.open(
        path, method=method, data=b"x" * length, content_type="application/x-www-form-urlencoded"
    )

    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert answer.headers.get("Retry-After") == ("5" if status == 503 else None)
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_an_address_behind_a_form_says_by_which_method(http: FlaskClient) -> None:
    answers = [http.get(path) for path in ("/console/export", "/account/withdraw", "/v1/platform/events")]

    assert [answer.status_code for answer in answers] == [405] * 3
    assert [answer.mimetype for answer in answers] == ["text/html", "text/html", "application/problem+json"]
    assert ["POST" in answer.headers["Allow"] for answer in answers] == [True] * 3
    assert "This address is no page" in answers[0].text
