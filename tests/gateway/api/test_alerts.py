"""Alerts over HTTP: searched, read, on record, and for auditors alone."""

import json
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from gateway.api import alerts
from gateway.background.detecting import Detecting
from gateway.http.streaming import BrokenStreamError
from partners.access_log.append import record
from partners.detections.raising import Raised, raise_alerts
from partners.detections.suspicions import Suspicion, Whom, Window
from partners.postgres.database import Database
from partners.vocabulary import Detection, Outcome, PartnerKind, Tier
from tests.callers import access_token, add_caller, bearer
from tests.gateway.api.test_audit import Auditor
from tests.partners.access_log.logs import access
from tests.partners.detections.pasts import own_record
from tests.serializers.ocsf_schema import faults

NOW = datetime.now(UTC)


def suspicion(number: int, tier: Tier = Tier.QUEUE, **more: Any) -> Suspicion:
    window = Window(NOW - timedelta(hours=2), NOW)
    figures = {"median": 48.0, "of_peers": False}
    return Suspicion(Detection.VOLUME, tier, Whom(f"w{number}"), window, 90, 77, "Much.", figures, **more)


@pytest.fixture
def auditor(db: Database, http: FlaskClient) -> Auditor:
    return Auditor(http, bearer(access_token(http, add_caller(db, PartnerKind.AUDITOR))))


@pytest.fixture
def told(db: Database) -> list[Raised]:
    """An alert about each of three partners, one of whom released something so shortly before that it may wait."""
    with db.write.begin() as connection:
        record(connection, access(partner="w1"), outcome=Outcome.RELEASED, status=200, members=[1])
        record(
            connection,
            access(partner="w1", at=NOW - timedelta(seconds=20)),
            outcome=Outcome.RELEASED,
            status=200,
            members=[1, 2],
        )
    with db.write.begin() as connection:
        each = [suspicion(1), suspicion(2, Tier.PAGE), suspicion(3, network="192.0.2.0/24")]
        return raise_alerts(connection, each, now=NOW, recorded=own_record)


def test_an_alert_is_read_whole(auditor: Auditor, told: list[Raised]) -> None:
    alert = told[0].alert
    found = auditor.get(f"/alerts/{alert.public_id}")["data"]

    evidence = found.pop("evidence")
    assert evidence["count"] == len(evidence["accesses"]) == 1
    assert auditor.get(f"/accesses/{evidence['accesses'][0]}")["data"]["member_count"] == 2
    assert {name: found[name] for name in ("id", "rule", "tier", "state", "partner", "client", "network")} == {
        "id": alert.public_id,
        "rule": "volume",
        "tier": "queue",
        "state": "open",
        "partner": "w1",
        "client": None,
        "network": None,
    }
    assert (found["measured"], found["threshold"], found["figures"]) == (90, 77, {"median": 48, "of_peers": False})
    assert found["to"] == NOW.isoformat().replace("+00:00", "Z")
    assert auditor.entries(request_id=found["request_id"])[0]["operation"] == "audit.raise"


@pytest.mark.usefixtures("told")
def test_alerts_are_searched_page_by_page_newest_first(auditor: Auditor) -> None:
    def partners(**query: Any) -> list[str]:
        return [each["partner"] for each in auditor.get("/alerts", **query)["data"]]

    first = auditor.get("/alerts", limit=2)
    rest = auditor.get("/alerts", limit=2, cursor=first["page"]["next_cursor"])
    every = [each["id"] for each in (*first["data"], *rest["data"])]
    assert every == sorted(every, reverse=True)
    assert len(every) == 3
    assert rest["page"] == {"next_cursor": None, "has_more": False}
    assert partners(tier="page") == ["w2"]
    assert partners(partner="w3", state="open", rule="volume") == ["w3"]
    assert partners(state="closed") == partners(rule="sweep") == []


def test_a_siem_gets_every_alert_as_a_finding(
    auditor: Auditor, told: list[Raised], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "_AT_ONCE", 2)
    answer = auditor.http.get("/v1/audit/alerts?format=ocsf&limit=1", headers=auditor.headers)
    events = [json.loads(line) for line in answer.get_data().splitlines()]

    assert answer.content_type == "application/x-ndjson"
    assert [faults(each, 2004) for each in events] == [[], [], []]
    uids = [each["metadata"]["uid"] for each in events]
    assert uids == sorted((each.alert.public_id for each in told), reverse=True)
    of_w1 = events[uids.index(told[0].alert.public_id)]
    assert of_w1["finding_info"]["related_events"] == [
        {"uid": each} for each in auditor.get(f"/alerts/{told[0].alert.public_id}")["data"]["evidence"]["accesses"]
    ]
    assert len(auditor.entries(operation="audit.raise", request_id=of_w1["metadata"]["correlation_uid"])) == 1
    assert auditor.entries(operation="audit.alerts")[0]["outcome"] == "released"


@pytest.mark.usefixtures("told")
def test_filters_hold_for_findings_too(auditor: Auditor) -> None:
    def severities(query: str) -> list[int]:
        answer = auditor.http.get(f"/v1/audit/alerts?format=ocsf&{query}", headers=auditor.headers)
        return [json.loads(line)["severity_id"] for line in answer.get_data().splitlines()]

    assert (severities("tier=page"), severities("state=closed")) == ([4], [])


@pytest.mark.usefixtures("told")
def test_looks_at_alerts_are_on_record(auditor: Auditor, told: list[Raised]) -> None:
    auditor.get("/alerts")
    auditor.get("/alerts", state="closed")
    auditor.get(f"/alerts/{told[0].alert.public_id}")
    for unknown in ("alr_0198c0de5a7b7c1e8f00a1b2c3d4e5f6", "nonsense"):
        assert auditor.http.get(f"/v1/audit/alerts/{unknown}", headers=auditor.headers).status_code == 404

    assert [each["outcome"] for each in auditor.entries(operation="audit.alerts")] == ["empty", "released"]
    found = [(each["outcome"], each["reason"]) for each in auditor.entries(operation="audit.alert")]
    assert found == [("not_found", "unknown"), ("not_found", "unknown"), ("released", None)]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("suspended", [False, True])
def test_an_auditor_suspended_midway_gets_no_more_alerts(
    db: Database, auditor: Auditor, monkeypatch: pytest.MonkeyPatch, *, suspended: bool
) -> None:
    monkeypatch.setattr(alerts, "_AT_ONCE", 1)
    body = auditor.http.get("/v1/audit/alerts?format=ocsf", headers=auditor.headers).iter_encoded()
    received = [next(body), next(body)]

    if suspended:
        with db.write.begin() as connection:
            connection.execute(text("UPDATE partner SET status = 'suspended' WHERE id = 'auditor'"))
    with pytest.raises(BrokenStreamError) if suspended else nullcontext():
        received.extend(body)

    assert b"".join(received).count(b"class_uid") == (1 if suspended else 3)
    with db.write.begin() as connection:
        rows = connection.execute(text("SELECT outcome FROM access_log WHERE operation = 'audit.alerts' ORDER BY at"))
        assert rows.scalars().all() == (["released", "error"] if suspended else ["released"])


@pytest.mark.parametrize(
    "query", ["state=gone", "tier=1", "rule=x", "limit=0", "cursor=x", "partner=a%00", "since=1", "format=csv"]
)
def test_what_cannot_be_asked_is_refused(auditor: Auditor, query: str) -> None:
    assert auditor.http.get(f"/v1/audit/alerts?{query}", headers=auditor.headers).status_code == 422


def test_partners_get_no_alerts(db: Database, http: FlaskClient) -> None:
    headers = bearer(access_token(http, add_caller(db)))

    for path in ("alerts", "alerts/alr_0198c0de5a7b7c1e8f00a1b2c3d4e5f6"):
        assert http.get(f"/v1/audit/{path}", headers=headers).status_code == 403


@pytest.mark.usefixtures("told")
def test_the_server_tells_how_many_alerts_nobody_has_closed(app: Flask, db: Database, http: FlaskClient) -> None:
    Detecting(db.write, app.extensions["metrics"]).once(NOW)
    Detecting(db.write, app.extensions["metrics"]).once(NOW + timedelta(minutes=1))

    figures = http.get("/metrics").get_data(as_text=True)
    assert 'gateway_unsettled_alerts{tier="page"} 1.0\n' in figures
    assert 'gateway_unsettled_alerts{tier="queue"} 2.0\n' in figures
    (told_at,) = (line for line in figures.splitlines() if line.startswith("gateway_detections_run_at_seconds "))
    assert float(told_at.split()[1]) == pytest.approx(NOW.timestamp(), abs=1)
