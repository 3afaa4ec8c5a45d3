"""The cookie over TLS."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from gateway.application import create_app
from gateway.settings import Settings


@pytest.fixture
def public(settings: Settings, database_url: str) -> Iterator[Flask]:
    """A gateway with a public address."""
    application = create_app(replace(settings, issuer="https://gateway.example"), database_url)
    yield application
    application.extensions["runtime"].database.dispose()


def test_over_tls_it_is_bound_to_the_host(public: Flask) -> None:
    cookie = public.test_client().get("/account/sign-in").headers["Set-Cookie"]

    assert cookie.startswith("__Host-gateway=")
    assert cookie.partition(";")[2] == " Secure; HttpOnly; Path=/; SameSite=Lax"


def test_it_is_set_once(public: Flask) -> None:
    http = public.test_client()
    http.get("/account/sign-in", base_url="https://gateway.example")

    assert "Set-Cookie" not in http.get("/account/sign-in", base_url="https://gateway.example").headers


def test_a_form_is_taken_from_the_browser_alone_that_it_was_sent_to(app: Flask) -> None:
    sent_to, other = app.test_client(), app.test_client()
    forms = [each.get("/account/sign-in").get_data(as_text=True) for each in (sent_to, other)]
    tokens = [form.partition('name="form_token" value="')[2].partition('"')[0] for form in forms]

    answers = [sent_to.post("/account/sign-in", data={"form_token": token}).status_code for token in tokens]

    assert answers == [401, 400]
