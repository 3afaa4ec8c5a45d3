"""Hostile requests, 20,000 with `SAMPLES=4`, the same for the same `HOSTILE_SEED`: none fails, is slow, or is kept."""

import gc
import json
import os
import random
import socket
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from partners.postgres.database import Database
from partners.vocabulary import PartnerKind
from tests.callers import access_token, add_caller, bearer, model_token
from tests.contracts.test_hostile_requests import hostile, tokens  # noqa: F401 - a fixture
from tests.factories import add_member, add_purchase
from tests.gateway.api.test_webmaster import webmaster
from tests.journeys.serving import served
from tests.sampling import samples

IN_PROCESS, ON_SOCKETS = samples(4_500), samples(500)
SEED = int(os.environ.get("HOSTILE_SEED", "20261125"))
SLOW_S = 1.0
WARM_AFTER = samples(1_000)
MOST_GROWTH_KIB = 24 * 1024
INSIDE = (b"Traceback", b"psycopg", b"sqlalchemy", b"SELECT ", b"werkzeug", b"/site-packages/")
HEADERS = (
    *({"Range": f"bytes={part}"} for part in ("0-", "-1", "9999999999999999999-", "0-0,0-0,0-0", "5-2", "é")),
    *({"If-None-Match": tag} for tag in ('W/"x"', '"x", ' * 900, "*, *", '"', "\x7f", '"\\"')),
    *({"Accept": form} for form in ("text/csv;q=0.0000001", "*/*;q=9e99", "application/x-ndjson, " * 300, ";;,;")),
    *({"Accept-Encoding": name} for name in ("br;q=nan", "identity;q=0", "gzip;q=0, *;q=0")),
    *({"Content-Encoding": name} for name in ("gzip", "deflate, gzip", "é", "identity")),
    *({"Authorization": word} for word in ("Bearer", "Bearer  ", "Bearer a b c", "bearer " + "." * 4_000, "\xff")),
    *({"Content-Type": kind} for kind in ("application/json;" * 200, "multipart/form-data", "application/x-ndjson")),
    {"Host": "evil.example"}, {"Host": "[::1"}, {"X-Forwarded-Host": "evil.example"}, {"Forwarded": 'for="_x"'},
    {"X-Request-Id": "req_" + "f" * 32}, {"Expect": "200-maybe"}, {"Upgrade": "h2c"}, {"Prefer": "return=everything"},
    {"Accept-Language": "x" * 3_000}, {"If-Match": "*"}, {"If-Unmodified-Since": "0"}, {"X-" + "a" * 2_000: "b"},
)  # fmt: skip
BODIES = (
    b"[" * 200_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b'{"usernames": [' + b'"a",' * 50_000 + b'"a"]}',
    b"9" * 100_000, b'{"limit": -0.0e-999999}', b'{"age": 1' + b"0" * 5_000 + b"}", b"\xef\xbb\xbf{}",
    b'{"usernames": ["' + b"x" * 200_000 + b'"]}', b'{"__proto__": {"a": 1}, "constructor": null}', b"\xed\xa0\x80",
    b'{"profile_item_visibility": {"age": "all_models", "age": "private"}}', b'{"share_regular_payer": "true"}',
    *(json.dumps({"specversion": "1.0", "id": "x", "source": "s", "type": kind, "time": "9999-12-31T23:59:59Z",
                  "subject": "m1", "data": data}).encode() + b"\n" + b"\0\n{]\n"
      for kind in ("member.updated", "credits.spent", "campaign.traffic", "\0")
      for data in (None, [], {"credits": 10**30}, {"username": "\ud800"}, {"model": {"a": []}}, {"email": "a@b"})),
)  # fmt: skip


def texts_of_others(db: Database, http: FlaskClient) -> list[str]:
    """Refs, cursors and watermarks that are real, but another webmaster's, or another list's."""
    other = webmaster(db, http, "w-other")
    for place in range(3):
        number = other.member(db, f"o{place}")
        with db.write.begin() as connection:
            add_purchase(connection, number, f"op{place}")
    members, bought = (other.get(path, limit=1).get_json() for path in ("/members", "/purchases"))
    return [
        *(row["ref"] for row in other.rows()), members["page"]["next_cursor"],
        bought["page"]["next_cursor"], bought["meta"]["watermark"],
    ]  # fmt: skip


def tampered(chance: random.Random, text: str) -> str:
    """The text itself, or with bits turned, cut short, made longer or spelled otherwise."""
    head, _, tail = text.rpartition("_") if text.startswith("mbr_") else ("", "", text)
    raw = bytearray(urlsafe_b64decode(tail + "=" * (-len(tail) % 4)))
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    turned = (head + "_" if head else "") + urlsafe_b64encode(raw).decode().rstrip("=")
    return chance.choice([text, turned, text[:-1], text + "A", text + "=", text.upper(), text + "\0", text * 40])


def worse(chance: random.Random, request: dict[str, Any], foreign: list[str]) -> dict[str, Any]:
    """A hostile request, made worse."""
    if chance.random() < 0.4:
        request["headers"] |= chance.choice(HEADERS)
    if chance.random() < 0.3:
        name = chance.choice(["cursor", "since", "ref", "cursor=x&cursor"])
        request["query_string"] += f"&{name}={tampered(chance, chance.choice(foreign))}".replace("\0", "%00")
    if request["data"] is not None and chance.random() < 0.15:
        request["data"] = chance.choice(BODIES)
    if chance.random() < 0.1:
        request["path"] = f"/v1/webmaster/members/{tampered(chance, chance.choice(foreign))}".replace("\0", "%00")
    return request


def resident_kib() -> int:
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def answered(http: FlaskClient, request: dict[str, Any]) -> tuple[TestResponse, bytes, float]:
    begun = time.monotonic()
    answer = http.open(**request)
    body = answer.data
    seconds = time.monotonic() - begun
    answer.close()
    return answer, body, seconds


@pytest.mark.slow
def test_in_process(app: Flask, http: FlaskClient, db: Database, tokens: list[str | None]) -> None:  # noqa: F811 - the fixture
    chance = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    foreign, requests = texts_of_others(db, http), hostile(app, chance)
    statuses: Counter[int] = Counter()
    warm = 0

    for place in range(IN_PROCESS):
        request = worse(chance, next(requests), foreign)
        token = chance.choice(tokens)
        request["headers"] = (bearer(token) if token else {}) | request["headers"]
        if "Content-Type" in request["headers"]:
            del request["content_type"]
        answer, body, seconds = answered(http, request)
        if seconds >= SLOW_S:
            # A slow path is slow each time, a busy machine is not.
            answer, body, seconds = answered(http, request)

        statuses[answer.status_code] += 1
        assert answer.status_code < 500, (place, request)
        assert seconds < SLOW_S, (place, seconds, request)
        assert not [word for word in INSIDE if word in body], (place, request)
        if place == WARM_AFTER:
            warm = resident_kib()

    assert resident_kib() - warm < MOST_GROWTH_KIB
    assert {200, 401, 403, 404, 405, 422} <= statuses.keys()


LINES = (
    b"GET %s HTTP/1.1", b"POST %s HTTP/1.1", b"PATCH %s HTTP/1.1", b"GET %s HTTP/1.0", b"get %s HTTP/1.1",
    b"GET %s HTTP/9.9", b"GET  %s  HTTP/1.1", b"PRI * HTTP/2.0", b"GET %s", b"\x16\x03\x01\x02\x00%s",
)  # fmt: skip
PATHS = (
    b"/v1/webmaster/members", b"/v1/model/members/batch", b"/v1/platform/events", b"/oauth/token", b"/readyz", b"*",
    b"//v1//webmaster/members", b"/v1/webmaster/members/%2e%2e/%00", b"/\xff\xfe", b"/?" + b"a=b&" * 1_500, b"/" * 7_000
)  # fmt: skip
FIELDS = (
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding: identity, chunked", b"Content-Length: 5", b"Content-Length: 05", b"Content-Length: +5",
    b"Content-Length: 5, 5", b"Content-Length: 99999999999999999999", b"Content-Length: 0x5", b"Host: a", b"Host: ",
    b"Connection: close, upgrade", b"Expect: 100-continue", b" folded", b"X\x00Y: z", b"X: \r", b"\xff: \xff", b":",
    b"Content-Type: application/json", b"Content-Type: application/x-ndjson", b"Trailer: Authorization",
)  # fmt: skip
TAILS = (
    b"", b"0\r\n\r\n", b"5\r\nabcde\r\n0\r\n\r\n", b"5;x=y\r\nabcde\r\n0\r\nAuthorization: Bearer x\r\n\r\n",
    b"ffffffffffffffffff\r\n", b"-1\r\nabc\r\n", b"5\nabcde\n0\n\n", b"0x5\r\nabcde\r\n", b"{}", b"[" * 60_000,
    b"5\r\nabcdefgh\r\n0\r\n\r\n", b"0\r\n\r\nGET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", b"\0" * 5_000,
)  # fmt: skip


def raw_requests(chance: random.Random, token: bytes) -> Iterator[bytes]:
    while True:
        line = chance.choice(LINES)
        fields = [b"Host: x", *(chance.choice(FIELDS) for _ in range(chance.choice([0, 1, 1, 2, 3])))]
        if chance.random() < 0.5:
            fields.append(b"Authorization: Bearer " + token)
        first = line % chance.choice(PATHS) if b"%s" in line else line
        end = chance.choice([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"])
        raw = end.join([first, *fields, b"", b""]) + chance.choice(TAILS)
        yield raw if chance.random() < 0.9 else raw[: chance.randrange(len(raw) + 1)]


def exchange(address: tuple[str | None, int | None], raw: bytes) -> tuple[bytes, float]:
    begun = time.monotonic()
    parts = []
    # The server may refuse and leave before everything was sent.
    with socket.create_connection(address, timeout=10) as connection, suppress(ConnectionError):
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        parts += iter(lambda: connection.recv(65_536), b"")
    return b"".join(parts), time.monotonic() - begun


@pytest.mark.slow
def test_on_sockets(db: Database, http: FlaskClient, database_url: str, tmp_path: Path) -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    with db.write.begin() as connection:
        add_member(connection, "m1", username="night_owl")
    center = model_token(http, db, add_caller(db, PartnerKind.MODEL_CENTER))
    platform = access_token(http, add_caller(db, PartnerKind.PLATFORM))
    statuses: Counter[bytes] = Counter()

    with served(database_url, tmp_path, workers=1) as server:
        url = urlsplit(server.url)
        # The server listens before its worker is loaded; nothing hostile is to wait for that.
        exchange((url.hostname, url.port), b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        requests = raw_requests(chance, chance.choice([center, platform]).encode())
        for place in range(ON_SOCKETS):
            raw = next(requests)
            answer, seconds = exchange((url.hostname, url.port), raw)
            heads = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
            statuses.update(heads)
            assert not [status for status in heads if status.startswith(b"5")], (place, raw, answer[:500])
            assert seconds < SLOW_S, (place, seconds, raw)
            assert not [word for word in INSIDE if word in answer], (place, raw)

    assert {b"200", b"400", b"401"} <= statuses.keys()
    assert "unexpected_error" not in (tmp_path / "serve.log").read_text()
