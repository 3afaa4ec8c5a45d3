"""Odd requests to everything that a consent passes through: never a 5xx, never a redirect to a stranger."""

import os
import random
from typing import Any
from urllib.parse import quote, quote_from_bytes, urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from partners.consents.pushed import URI_PREFIX
from partners.postgres.database import Database
from partners.vocabulary import PartnerKind
from tests.callers import Caller, add_caller, basic

pytestmark = pytest.mark.slow

REQUESTS = int(os.environ.get("HOSTILE_REQUESTS", "500"))
"""More were made by hand: `HOSTILE_REQUESTS=20000`."""
REDIRECT = "https://compass.example/back"
ODD = (
    "", " ", "\0", "a\0b", '"', "\\", "é", "\ud7ff", "\U0001f989", "\u202e", "x" * 9_000, "%", "[]", "null", "-1",
    "1e9", "{{7*7}}", "'; DROP TABLE person; --", "code", "token", "plain", "S256", "stats:read", "members:read",
    "javascript:",     "//evil.example", "https://evil.example/back", REDIRECT + "\r\nX: y",
    REDIRECT + "#", "gwr_", "gws_", "gwi_", "cl_",
    URI_PREFIX, "a.b.c", "a" * 43, "A" * 86, "allow", "deny", "000000",
)  # fmt: skip
HEADERS = (
    {}, {"Authorization": "Basic"}, {"Authorization": "Basic \xff"}, {"Authorization": "Basic " + "Og==" * 999},
    {"Authorization": "Bearer x"}, {"Cookie": "gateway=" + "a" * 43}, {"Cookie": "gateway=\xff"},
    {"Cookie": "gateway="},
    {"Content-Type": "application/json"}, {"Content-Type": "multipart/form-data; boundary=x"}, {"Content-Type": ""},
    {"Content-Type": "application/x-www-form-urlencoded; charset=klingon"},
)  # fmt: skip


@pytest.fixture(scope="module")
def tracker(db: Database) -> Caller:
    return add_caller(db, PartnerKind.TRACKER, "compass", redirect_uris=(REDIRECT,))


def usual(tracker: Caller, form_token: str) -> list[tuple[str, str, dict[str, str]]]:
    """Method, path and parameters of good requests, or of what comes near to one."""
    asks = {
        "response_type": "code",
        "client_id": tracker.id,
        "redirect_uri": REDIRECT,
        "scope": "stats:read",
        "state": "s",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
    }
    redeems = {"code": "x" * 43, "redirect_uri": REDIRECT, "code_verifier": "v" * 43}
    signs = {"form_token": form_token, "name": "anna", "password": "p" * 20, "code": "123456", "request": "A" * 40}
    sets_up = {"invitation": "gwi_" + "x" * 43, "password_again": "p" * 20, "ticket": "A" * 40}
    return [
        ("GET", "/oauth/authorize", asks),
        ("GET", "/oauth/authorize", {"client_id": tracker.id, "request_uri": URI_PREFIX + "x" * 43}),
        ("POST", "/oauth/par", asks),
        ("POST", "/oauth/token", {"grant_type": "authorization_code"} | redeems),
        ("POST", "/oauth/token", {"grant_type": "refresh_token", "refresh_token": "gwr_" + "x" * 43}),
        ("POST", "/oauth/revoke", {"token": "gwr_" + "x" * 43}),
        ("POST", "/oauth/introspect", {"token": "gwr_" + "x" * 43}),
        ("GET", "/oauth/consent", {"request": "A" * 40}),
        ("POST", "/oauth/consent", {"form_token": form_token, "request": "A" * 40, "decision": "allow"}),
        ("GET", "/account/sign-in", {"request": "A" * 40}),
        ("POST", "/account/sign-in", signs),
        ("GET", "/account/set-up", {"invitation": "gwi_" + "x" * 43}),
        ("POST", "/account/set-up", signs | sets_up),
        ("POST", "/account/withdraw", {"form_token": form_token, "grant": "fam_x"}),
    ]


def mutated(chance: random.Random, parameters: dict[str, str]) -> str:
    pairs = list(parameters.items())
    for _ in range(chance.choice((0, 1, 1, 2, 3))):
        place = chance.randrange(len(pairs) + 1)
        name, value = pairs[place % len(pairs)] if pairs else ("x", "y")
        change = chance.choice(("drop", "repeat", "replace", "add", "nudge"))
        if change == "drop" and pairs:
            pairs.pop(place % len(pairs))
        elif change == "repeat":
            pairs.append((name, value))
        elif change == "replace" and pairs:
            pairs[place % len(pairs)] = (name, chance.choice(ODD))
        elif change == "add":
            pairs.append((chance.choice((*ODD, "request", "resource", "prompt", "client_secret")), chance.choice(ODD)))
        elif pairs:
            pairs[place % len(pairs)] = (name, value[:-1] + chance.choice("a/.&é\0"))
    return urlencode(pairs, quote_via=quote, errors="replace")


def ask(http: FlaskClient, chance: random.Random, tracker: Caller, form_token: str) -> TestResponse:
    method, path, parameters = chance.choice(usual(tracker, form_token))
    sent = mutated(chance, parameters)
    headers: dict[str, Any] = basic(tracker.id, tracker.secret or "") if path.startswith("/oauth") else {}
    headers |= chance.choice(HEADERS) if chance.random() < 0.3 else {}
    headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    method = chance.choice(("GET", "POST", "PUT")) if chance.random() < 0.1 else method
    noise = bytes(chance.randrange(256) for _ in range(20)) if chance.random() < 0.05 else b""
    if method == "GET":
        return http.get(path, query_string=sent + quote_from_bytes(noise), headers=headers)
    return http.open(path, method=method, data=sent.encode() + noise, headers=headers)


def test_no_odd_request_makes_a_5xx_or_sends_anybody_to_a_stranger(http: FlaskClient, tracker: Caller) -> None:
    chance = random.Random(11)  # noqa: S311 - repeatable, not secret
    page = http.get("/account/sign-in").get_data(as_text=True)
    form_token = page.partition('name="form_token" value="')[2].partition('"')[0]
    answered: dict[int, int] = {}

    for _ in range(REQUESTS):
        answer = ask(http, chance, tracker, form_token)
        answered[answer.status_code] = answered.get(answer.status_code, 0) + 1

        assert answer.status_code < 500, (answer.request.path, answer.request.query_string)
        assert answer.headers.get("Location", "/").startswith(("/", REDIRECT + "?"))
        assert not answer.headers.get("Location", "").startswith("//")
        assert "evil" not in answer.headers.get("Location", "").partition("?")[0]
        assert b"Traceback" not in answer.data

    assert {200, 201, 303, 400, 401, 405} <= answered.keys(), answered
