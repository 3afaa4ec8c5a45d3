"""Thousands of mutated requests, the same ones in each run: nothing makes a 5xx, and every refusal keeps its form."""

import json
import os
import random
import time
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import urlencode

import pytest
from authlib.oauth2.base import invalid_error_characters
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry
from werkzeug.datastructures import Headers

from partners.postgres.database import Database
from partners.vocabulary import PartnerKind
from tests.callers import (
    ASSERTION_TYPE,
    EXCHANGE,
    ISSUER,
    JWT_TYPE,
    SESSION_KEY,
    SESSIONS,
    Caller,
    access_token,
    add_caller,
    basic,
)

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("HOSTILE_REQUESTS", "1000"))
FORM = "application/x-www-form-urlencoded"
STRINGS = [
    "",
    " ",
    '"',
    "\\",
    "\x00",
    "é",
    "\ud800",
    "😀",
    "x" * 300,
    "x" * 9_000,
    "%00",
    "%ff",
    "a b",
    "null",
    "\r\nX: y",
]
VALUES: list[Any] = [
    *STRINGS,
    *(None, True, False, 0, -1, 1.5, 10**400, 2**63, float("nan"), float("inf"), -float("inf")),
    *([], {}, [[]], {"a": {"b": []}}, ["stats:read"], json.loads("[" * 50 + "]" * 50)),
]
NAMES = ["grant_type", "scope", "client_id", "client_secret", "client_assertion", "client_assertion_type", "token"]
NAMES += ["subject_token", "subject_token_type", "audience", "resource", "actor_token", "token_type_hint", "", "é\x00"]
CLAIMS = ["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "azp", "may_act", "act", "cnf"]
HEADERS = ["alg", "kid", "typ", "crit", "b64", "jwk", "jku", "x5c", "zip", "enc"]
HEADER_VALUES: list[Any] = [
    *VALUES,
    "none",
    "HS256",
    "RS256",
    "PS256",
    "Ed25519",
    "EdDSA",
    "ES256K",
    "dir",
    ["exp"],
    ["b64"],
]


@pytest.mark.parametrize("seed", range(5))
def test_mutated_requests_are_answered_in_form(http: FlaskClient, db: Database, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - the same requests in each run
    fuzzer = _Fuzzer(rng, add_caller(db), add_caller(db, PartnerKind.MODEL_CENTER))
    statuses: set[int] = set()

    for _ in range(ROUNDS // 5):
        path, form, headers = fuzzer.request()
        answer = http.post(path, data=urlencode(form), headers=headers, content_type=FORM)
        statuses.add(answer.status_code)
        assert answer.status_code < 500, (path, form, list(headers))
        if answer.status_code >= 400:
            assert not invalid_error_characters(answer.get_json()["error_description"])

    assert statuses >= {200, 400, 401}


@pytest.mark.parametrize("seed", range(2))
def test_mutated_access_tokens_are_refused_in_form(app: Flask, http: FlaskClient, db: Database, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - the same tokens in each run
    token = access_token(http, add_caller(db))

    for _ in range(400):
        mutated = _mutated_text(rng, token)
        headers = Headers()
        headers.add(
            "Authorization",
            f"Bearer {mutated}".encode("utf-8", "replace").decode("latin-1").replace("\n", "").replace("\r", ""),
        )
        answer = app.test_client().get("/probe/stats", headers=headers)
        assert answer.status_code == (200 if mutated.strip() == token else 401), mutated


class _Fuzzer:
    def __init__(self, rng: random.Random, by_secret: Caller, by_key: Caller) -> None:
        self.rng = rng
        self.by_secret = by_secret
        self.by_key = by_key

    def request(self) -> tuple[str, list[tuple[str, str]], Headers]:
        headers = Headers()
        path, form = self._base(headers)
        for _ in range(self.rng.randint(0, 2)):
            self._mutate(form, headers)
        query = self.rng.choice([""] * 12 + ["?", "?a=b", "?%ff=%00"])
        pairs = [(name, value.encode("utf-8", "replace").decode()) for name, value in form]
        return path + query, pairs, headers

    def _base(self, headers: Headers) -> tuple[str, list[tuple[str, str]]]:
        path = self.rng.choice(["token"] * 4 + ["revoke", "introspect"])
        form = {"grant_type": "client_credentials", "token": "a.b.c"}
        if self.rng.random() < 0.3:
            headers.extend(basic(self.by_secret.id, self.by_secret.secret or ""))
        else:
            form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self._jwt(self.by_key.key, "key-1")}
            if self.rng.random() < 0.5:
                form |= {"grant_type": EXCHANGE, "subject_token_type": JWT_TYPE}
                form |= {"subject_token": self._jwt(SESSION_KEY, "sessions-1", iss=SESSIONS, sub="mdl-1")}
        return f"/oauth/{path}", list(form.items())

    def _jwt(self, key: Any, kid: str, **claims: Any) -> str:
        now = int(time.time())
        usual = {"iss": self.by_key.id, "sub": self.by_key.id, "aud": ISSUER, "iat": now, "exp": now + 60}
        body: dict[str, Any] = usual | {"jti": f"{self.rng.random()}"} | claims
        header: dict[str, Any] = {"alg": "ES256", "kid": kid}
        if self.rng.random() < 0.7:
            for _ in range(self.rng.randint(1, 2)):
                body[self.rng.choice(CLAIMS)] = self.rng.choice(VALUES)
        if self.rng.random() < 0.3:
            header[self.rng.choice(HEADERS)] = self.rng.choice(HEADER_VALUES)
        signed = _signed(key, header, body)
        return _mutated_text(self.rng, signed) if self.rng.random() < 0.1 else signed

    def _mutate(self, form: list[tuple[str, str]], headers: Headers) -> None:
        kind = self.rng.randrange(5)
        value = self.rng.choice(STRINGS)
        place = self.rng.randrange(len(form)) if form else 0
        if kind == 0:
            form.append((self.rng.choice(NAMES), value))
        elif kind == 1 and form:
            form.pop(place)
        elif kind == 2 and form:
            form[place] = (form[place][0], value)
        elif kind == 3 and form:
            form[place] = (form[place][0], _mutated_text(self.rng, form[place][1]))
        else:
            odd = value.encode("utf-8", "replace").decode("latin-1").replace("\n", "").replace("\r", "")
            headers["Authorization"] = self.rng.choice(["Basic ", "basic", "Bearer ", ""]) + odd


def _mutated_text(rng: random.Random, text: str) -> str:
    if not text:
        return rng.choice(STRINGS)
    place = rng.randrange(len(text))
    replacement = rng.choice([*STRINGS, ".", "=", "A", "-", "_"])
    return text[:place] + replacement + text[place + rng.randint(0, 3) :]


def _signed(key: ECKey, header: dict[str, Any], claims: dict[str, Any]) -> str:
    segments = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signature = JWSRegistry.algorithms["ES256"].sign(b".".join(segments), key)
    return b".".join([*segments, urlsafe_b64encode(signature).rstrip(b"=")]).decode()
