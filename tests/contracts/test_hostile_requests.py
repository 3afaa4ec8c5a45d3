"""Odd requests over every route and method: always a clear answer, never a 5xx, never a trace of our insides."""

import json
import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_from_bytes

import pytest
from flask import Flask
from flask.testing import FlaskClient

from partners.postgres.database import Database
from partners.vocabulary import PartnerKind
from tests.callers import access_token, add_caller, bearer, model_token
from tests.factories import add_member, add_model, add_relation

pytestmark = pytest.mark.slow

REQUESTS = 1_500
FORMS_OF_THEIR_OWN = ("/oauth", "/account", "/console")
"""Where errors are those of RFC 6749, or pages."""
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
TEXTS = (
    "", " ", "0", "-1", "night_owl", "m1", "mbr_AAAAAAAAAAAAAAAAAAAAAA", "acc_" + "f" * 32, "../../etc/passwd",
    "%", "%00", "\0", "a\0b", "é", "\U0001f989", "\u017f", "İ", "ß", "\u202e", "'; DROP TABLE member; --",
    "{{7*7}}", "${x}",
    "9" * 400, "-" * 70, "1e999", "NaN", "Infinity", "true", "null", "[]", "{}", "2026-02-30", "0000-00-00",
    "9999-12-31", "10000-01-01", "2026-10-01T00:00:00", "2026-10-01T00:00:00Z", "1677-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "UTC", "../UTC", "/etc/localtime", "Etc/GMT+99",
    "0.0.0.0/0", "::1", "1.2.3.4/99", "x" * 5_000,
)  # fmt: skip
NAMES = (
    "limit", "cursor", "sort", "campaign", "site", "country", "registered_from", "registered_to", "from", "to",
    "timezone", "since", "username", "relation", "partner", "member", "field", "reason", "ip", "ref", "request_id",
    "outcome", "month", "group_by", "format", "as", "fields", "callback", "email", "\0", "é", "limit[]", "__proto__",
)  # fmt: skip
HEADERS = (
    {"Accept": "text/html"}, {"Accept": "*/*;q=é"}, {"Accept-Encoding": "gzip, gzip, \x7f"}, {"Range": "bytes=0-1"},
    {"If-None-Match": '"' + "x" * 900}, {"If-None-Match": "*"}, {"If-Modified-Since": "yesterday"},
    {"X-Forwarded-For": "not an address, 1.2.3.4"}, {"X-HTTP-Method-Override": "DELETE"}, {"Cookie": "a=b; \xff"},
    {"Content-Type": "application/json; charset=klingon"}, {"Content-Type": "application/x-ndjson"},
    {"Content-Type": "text/plain"}, {"Content-Type": ""}, {"Content-Length": "5"}, {"Expect": "100-continue"},
)  # fmt: skip
BODIES = (
    b"", b"\xff\xfe", b"{", b"null", b"[]", b"{}", b'"text"', b"1e999", b"NaN", b"[" * 3_000, b'{"a":' * 2_000,
    b'{"usernames": [null]}', b'{"usernames": ["\\ud800"]}', b'{"type": {"$gt": ""}}', b'{"type": "erasure"}',
    b'{"mask_visibility": 1e400}', b'{"profile_item_visibility": {"age": [[]]}}', b'{"\\u0000": "\\u0000"}',
    json.dumps({"action": "x" * 70_000}).encode(), b'{"action": "verify", "action": "settle"}', b"\0" * 100,
)  # fmt: skip


@pytest.fixture
def tokens(db: Database, http: FlaskClient) -> list[str | None]:
    """A token of each audience, for a house with somebody in it."""
    with db.write.begin() as connection:
        add_relation(connection, add_model(connection, "mdl-1"), add_member(connection, "m1", username="night_owl"))
    kinds = (PartnerKind.WEBMASTER, PartnerKind.PLATFORM, PartnerKind.AUDITOR)
    mine: list[str | None] = [access_token(http, add_caller(db, kind)) for kind in kinds]
    return [None, *mine, model_token(http, db, add_caller(db, PartnerKind.MODEL_CENTER))]


def hostile(app: Flask, chance: random.Random) -> Iterator[dict[str, Any]]:
    rules = sorted({rule.rule for rule in app.url_map.iter_rules()})
    while True:
        path = chance.choice(rules)
        while "<" in path:
            head, _, rest = path.partition("<")
            path = head + spelled(chance) + rest.partition(">")[2]
        query = "&".join(f"{spelled(chance, NAMES)}={spelled(chance)}" for _ in range(chance.choice([0, 1, 1, 2, 5])))
        yield {
            "path": path,
            "query_string": query,
            "method": chance.choice(METHODS),
            "headers": dict(chance.choice(HEADERS)) if chance.random() < 0.5 else {},
            "data": chance.choice(BODIES) if chance.random() < 0.6 else None,
            "content_type": chance.choice([None, "application/json", "application/merge-patch+json"]),
        }


def spelled(chance: random.Random, texts: tuple[str, ...] = TEXTS) -> str:
    """A text as it may stand in a URL: encoded, or raw bytes that are no UTF-8."""
    if chance.random() < 0.1:
        return quote_from_bytes(bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9))))
    return quote(chance.choice(texts), safe="")


def test_no_odd_request_makes_a_5xx(app: Flask, http: FlaskClient, tokens: list[str | None]) -> None:
    chance = random.Random(4)  # noqa: S311 - repeatable, not secret
    requests = hostile(app, chance)
    answered: dict[int, int] = {}

    for _ in range(REQUESTS):
        request = next(requests)
        token = chance.choice(tokens)
        request["headers"] |= bearer(token) if token else {}
        if "Content-Type" in request["headers"]:
            del request["content_type"]
        answer = http.open(**request)
        answered[answer.status_code] = answered.get(answer.status_code, 0) + 1

        assert answer.status_code < 500, request
        assert "X-Request-Id" in answer.headers, request
        for inside in (b"Traceback", b"psycopg", b"sqlalchemy", b"SELECT ", b"werkzeug"):
            assert inside not in answer.data, request
        has_form_of_its_own = request["method"] == "HEAD" or request["path"].startswith(FORMS_OF_THEIR_OWN)
        if answer.status_code >= 400 and not has_form_of_its_own:
            assert answer.content_type == "application/problem+json", request
            assert answer.get_json()["request_id"] == answer.headers["X-Request-Id"]

    assert {200, 401, 403, 404, 405, 422} <= answered.keys()
