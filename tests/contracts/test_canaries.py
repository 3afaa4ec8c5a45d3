"""What is refused or unshared is nowhere: not in an answer, not in the log, not in the server's own log, not stored."""

import base64
import urllib.parse
from itertools import count
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.tables.member import profile
from partners.vocabulary import FORBIDDEN_NAMES, PartnerKind
from tests.callers import access_token, add_caller, basic, bearer, model_token
from tests.factories import dump
from tests.feeding import LAPTOP, event, referred
from tests.gateway.api.test_webmaster import Webmaster, webmaster

CANARY = "canary-7f3a"


class Patient(FlaskClient):
    """A client that takes every answer whole and closes it: only then is the request logged."""

    def open(self, *args: Any, buffered: bool = True, follow_redirects: bool = False, **kwargs: Any) -> TestResponse:
        return super().open(*args, buffered=buffered, follow_redirects=follow_redirects, **kwargs)


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    app.test_client_class = Patient
    return app.test_client()


@pytest.fixture
def w1(db: Database, http: FlaskClient) -> Webmaster:
    return webmaster(db, http, "w1")


class Platform:
    """The platform, over HTTP."""

    def __init__(self, db: Database, http: FlaskClient) -> None:
        self.http = http
        self.headers = bearer(access_token(http, add_caller(db, PartnerKind.PLATFORM)))

    def send(self, *events: dict[str, Any]) -> dict[str, Any]:
        body = b"\n".join(orjson.dumps(each) for each in events)
        headers = self.headers | {"Content-Type": "application/x-ndjson"}
        answer = self.http.post("/v1/platform/events", data=body, headers=headers)
        assert answer.status_code == 200, answer.get_json()
        report: dict[str, Any] = answer.get_json()
        return report


def spellings(name: str) -> list[str]:
    return [name, name.upper(), name.replace("_", "-"), name.replace("_", ""), name.title()]


def encodings(text: str) -> list[str]:
    raw = text.encode()
    return [text, base64.b64encode(raw).decode().rstrip("="), raw.hex(), urllib.parse.quote(text)]


def places(name: str, value: str) -> list[dict[str, Any]]:
    """The forbidden name at the top, inside the profile, deeper, in a list, and beside what is valid."""
    return [
        {name: value},
        {"profile": {name: value}},
        {"profile": {"nickname": {"deeper": [{name: value}]}}},
        {"site": "main", "extra": [[{name: value}]]},
    ]


def test_forbidden_names_are_refused_everywhere_and_found_nowhere(
    db: Database, http: FlaskClient, w1: Webmaster, capfd: pytest.CaptureFixture[str]
) -> None:
    """R2, R8, R23, R25."""
    platform, numbers = Platform(db, http), count()
    accepted = platform.send(referred("m1", username="night_owl", user_agent=f"{LAPTOP} {CANARY}-agent"))
    refused = [
        event("member.updated", "m1", **data)
        for name in sorted(FORBIDDEN_NAMES)
        for spelling in spellings(name)
        for data in places(spelling, f"{CANARY}-{next(numbers)}")
    ]

    report = platform.send(*refused)

    assert accepted["accepted"] == 1
    assert report["rejected"] == len(refused)
    assert {fault["code"] for fault in report["errors"]} == {"forbidden_field"}
    answers = [orjson.dumps(report).decode()]
    center = add_caller(db, PartnerKind.MODEL_CENTER)
    platform.send(event("model.registered", "mdl-1", name="Ruby"), event("gift.sent", "m1", model="mdl-1"))
    card = http.get("/v1/model/members/night_owl", headers=bearer(model_token(http, db, center)))
    auditor = bearer(access_token(http, add_caller(db, PartnerKind.AUDITOR)))
    answers += [
        w1.get("/members").get_data(as_text=True),
        card.get_data(as_text=True),
        http.get("/v1/audit/accesses", headers=auditor).get_data(as_text=True),
        http.get("/v1/platform/members/m1/privacy", headers=platform.headers).get_data(as_text=True),
    ]
    assert card.status_code == 200
    with db.write.connect() as connection:
        stored = dump(connection)
    logged = "".join(capfd.readouterr())
    assert "/v1/platform/events" in logged
    for spelled in encodings(CANARY):
        assert all(spelled not in answer for answer in answers)
        assert spelled not in stored
        assert spelled not in logged


def test_sensitive_items_are_sealed_where_they_are_stored(
    db: Database, http: FlaskClient, w1: Webmaster, *, keyring: Keyring, capfd: pytest.CaptureFixture[str]
) -> None:
    """R24."""
    items = {item: f"{CANARY}-{item}" for item in ("sexual_preferences", "turn_ons", "dislikes")}

    report = Platform(db, http).send(referred("m1"), event("member.updated", "m1", profile=items))

    assert report["accepted"] == 2
    with db.write.connect() as connection:
        sealed = connection.execute(select(profile.c[tuple(items)])).mappings().one()
        stored = dump(connection)
    assert {item: keyring.unseal(sealed[item]).decode() for item in items} == items
    shown = w1.get("/members").get_data(as_text=True)
    logged = "".join(capfd.readouterr())
    assert "/v1/platform/events" in logged
    for spelled in encodings(CANARY):
        assert spelled not in stored
        assert spelled not in shown
        assert spelled not in logged


def test_old_masks_are_nowhere(db: Database, http: FlaskClient, w1: Webmaster) -> None:
    """R18: database, log and answers hold at most the mask of now."""
    platform = Platform(db, http)
    platform.send(referred("m1"))
    for place in range(4):
        platform.send(event("member.updated", "m1", mask=f"{CANARY}-{place}"))

    with db.write.connect() as connection:
        stored = dump(connection)

    assert f"{CANARY}-3" in stored
    assert not any(f"{CANARY}-{place}" in stored for place in range(3))
    assert CANARY not in w1.get("/members").get_data(as_text=True)


def test_names_and_secrets_stay_out_of_the_server_s_own_log(
    db: Database, http: FlaskClient, w1: Webmaster, capfd: pytest.CaptureFixture[str]
) -> None:
    """Contract §7: route templates, never raw paths or queries, tokens, secrets or members' values."""
    Platform(db, http).send(referred("m1", username=f"{CANARY}-name", sub1=f"{CANARY}-sub"))
    ref = w1.rows()[0]["ref"]
    token, secret = access_token(http, w1.caller), w1.caller.secret or ""
    w1.get(f"/members/{ref}", site=CANARY)
    http.get(f"/v1/model/members/{CANARY}-name", headers=w1.headers)
    http.post("/oauth/token", data={"grant_type": CANARY, "client_id": CANARY})

    logged = "".join(capfd.readouterr())

    for route in ("/v1/platform/events", "/v1/webmaster/members/<ref>", "/v1/model/members/<username>", "/oauth/token"):
        assert route in logged
    for told in (CANARY, ref, secret, basic(w1.caller.id, secret)["Authorization"], token, w1.headers["Authorization"]):
        assert told.removeprefix("Bearer ").removeprefix("Basic ") not in logged
