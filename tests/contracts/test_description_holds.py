"""The description holds: whatever is asked of any operation, the answer is one that it describes, and never a 5xx."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from partners.access_log.checkpoints import origin_of, signer_of
from partners.detections.raising import raise_alerts
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.vocabulary import PartnerKind
from tests.callers import access_token, add_caller, basic, bearer, model_token
from tests.factories import count_events
from tests.gateway.api.stage import Stage
from tests.gateway.api.test_alerts import NOW, suspicion
from tests.partners.access_log.logs import Log
from tests.partners.detections.pasts import own_record

pytestmark = pytest.mark.slow

ODD_REQUESTS = 8
"""Of each operation, well-formed and ill-formed ones each."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    allow_header_conformance,
]
JSON = "application/json"
EVENT = (
    '{"specversion":"1.0","source":"/site","id":"e-1","type":"model.favorited","subject":"m1",'
    '"time":"2026-10-02T00:00:00Z","data":{"model":"mdl-1"}}\n'
)
MONTH = {"from": "2026-10-01", "to": "2026-10-31"}

GOOD: dict[str, dict[str, Any]] = {
    "query_statistics": {"query": MONTH | {"group_by": "day,country,sub1"}},
    "get_consistency": {"query": {"from": 1, "to": 1}},
    "list_cards": {"query": {"relation": "any"}},
    "batch_cards": {"body": {"usernames": ["night_owl", "nobody"]}},
    "patch_privacy": {"body": {"mask_visibility": "private"}, "media_type": "application/merge-patch+json"},
    "create_request": {"body": {"type": "know"}},
    "get_request": {"path_parameters": {"member_id": "m2"}},
    "move_request": {"path_parameters": {"member_id": "m2"}, "body": {"action": "refuse", "reason": "Not hers."}},
    "post_events": {"body": EVENT, "media_type": "application/x-ndjson"},
    "preview_member": {"query": {"as": "model:mdl-1"}},
    "token": {"body": {"grant_type": "client_credentials"}},
    "par": {
        "body": {
            "response_type": "code",
            "redirect_uri": "https://compass.example/back",
            "code_challenge": "a" * 43,
            "code_challenge_method": "S256",
        }
    },
}
"""What makes a request of an operation a good one, besides known ids and a token."""

schemathesis.serializer.alias("application/x-ndjson", "text/plain")
schemathesis.serializer.alias("application/merge-patch+json", "application/json")


class House:
    """A gateway with somebody in it, and a token of each audience."""

    def __init__(self, app: Flask, http: FlaskClient, db: Database, keyring: Keyring) -> None:
        self.schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", app)
        self.stage = Stage(http, db, keyring)
        self.http = http
        self.stage.member("m1", username="night_owl")
        self.stage.member("m2")
        with db.write.begin() as connection:
            count_events(connection)
        webmaster = self.stage.webmasters["w1"]
        auditor = bearer(access_token(http, add_caller(db, PartnerKind.AUDITOR)))
        self.client = webmaster.caller
        self.headers = {
            "webmaster": webmaster.headers,
            "model_center": bearer(model_token(http, db, self.stage.center.caller)),
            "platform": self.stage.headers,
            "auditor": auditor,
            "oauth": basic(self.client.id, self.client.secret or ""),
            "operation": {},
        }
        tracker = add_caller(db, PartnerKind.TRACKER, redirect_uris=("https://compass.example/back",))
        self.trackers = {"par": basic(tracker.id, tracker.secret or "")}
        self.known = {
            "ref": webmaster.rows()[0]["ref"],
            "username": "night_owl",
            "member_id": "m1",
            "request_id": self._request("erasure")["id"],
            "alert_id": self._alert(db),
            "access_id": http.get("/v1/audit/accesses", headers=auditor).get_json()["data"][-1]["id"],
        }

    def _alert(self, db: Database) -> str:
        with db.write.begin() as connection:
            (raised,) = raise_alerts(connection, [suspicion(1)], now=NOW, recorded=own_record)
        return raised.alert.public_id

    def operations(self) -> Iterator[Any]:
        for found in self.schema.get_all_operations():
            yield found.ok()

    def headers_for(self, operation: Any) -> dict[str, str]:
        raw = operation.definition.raw
        return self.trackers.get(raw["operationId"]) or self.headers[raw["tags"][0]]

    def named(self, operation: Any) -> dict[str, str]:
        """The path's parameters, as they stand in this house."""
        return {name: named for name, named in self.known.items() if f"{{{name}}}" in operation.path}

    def good_case(self, operation: Any, accepted: str) -> Any:
        name = operation.definition.raw["operationId"]
        good = dict(GOOD.get(name, {}))
        if name in {"revoke", "introspect"}:
            good = {"body": {"token": access_token(self.http, self.client)}}
        if name in {"export_accesses", "stream_accesses"}:
            good = {"query": {"format": {"text/csv": "csv", "text/plain": "cef"}.get(accepted, "ndjson")}}
        if name == "list_alerts":
            good = {"query": {"format": {"application/x-ndjson": "ocsf"}.get(accepted, "json")}}
        if name == "get_archive":
            settled = self._request("access", member="m1", verified=True)
            moved = f"/v1/platform/members/m1/requests/{settled['id']}"
            self.http.post(moved, json={"action": "settle"}, headers=self.stage.headers)
            good = {"path_parameters": {"member_id": "m1", "request_id": settled["id"]}}
        if "body" in good:
            good.setdefault("media_type", "application/x-www-form-urlencoded" if "oauth" in operation.path else JSON)
        named = self.named(operation) | good.pop("path_parameters", {})
        return operation.Case(path_parameters=named, **good)

    def _request(self, kind: str, member: str = "m2", **more: Any) -> dict[str, Any]:
        path = f"/v1/platform/members/{member}/requests"
        asked = {"type": kind} | more
        made: dict[str, Any] = self.http.post(path, json=asked, headers=self.stage.headers).get_json()
        return made


@pytest.fixture
def log(database_url: str, tmp_path: Path, keyring: Keyring) -> Iterator[Log]:
    made = Log(database_url, tmp_path, signer_of(keyring, origin_of("http://127.0.0.1:8000"), 1))
    yield made
    made.close()


@pytest.fixture
def house(app: Flask, http: FlaskClient, *, db: Database, keyring: Keyring, log: Log) -> House:
    made = House(app, http, db, keyring)
    log.seal()
    return made


def test_a_good_request_of_every_operation_is_answered_as_described(house: House) -> None:
    for operation in house.operations():
        for accepted in good_media_types(operation):
            case = house.good_case(operation, accepted)
            answer = case.call(headers=house.headers_for(operation) | {"Accept": accepted})

            assert answer.status_code in {200, 201}, (operation.label, answer.text)
            assert answer.headers["content-type"][0].partition(";")[0] == accepted, operation.label
            case.validate_response(answer, checks=CHECKS)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=lambda mode: mode.value)
def test_whatever_is_asked_is_answered_as_described(house: House, mode: GenerationMode) -> None:
    answered = {status for operation in house.operations() for status in statuses(house, operation, mode)}

    assert answered >= {200, 401, 404, 422}


def statuses(house: House, operation: Any, mode: GenerationMode) -> set[int]:
    """Ask odd things of an operation, check each answer, and return the statuses that came."""
    answered: set[int] = set()

    @settings(
        max_examples=ODD_REQUESTS,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), known=st.booleans(), token=st.booleans())
    def holds(case: Any, known: bool, token: bool) -> None:
        if known:
            case.path_parameters = house.named(operation)
        answer = case.call(headers=house.headers_for(operation) if token else {})
        answered.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    # Where nothing can be given, nothing can be given wrong.
    with suppress(Unsatisfiable):
        holds()
    return answered


def good_media_types(operation: Any) -> list[str]:
    good = next(answer for status, answer in operation.definition.raw["responses"].items() if status in {"200", "201"})
    return list(good["content"])
