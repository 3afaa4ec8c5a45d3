"""Alerts as OCSF, held to OCSF's own schema."""

from typing import Any

import pytest
from pydantic import ValidationError

from partners.vocabulary import AlertState, Detection, Tier
from serializers.siem.ocsf_findings import finding
from tests.serializers.ocsf_schema import faults

ALERT: dict[str, Any] = {
    "id": "alr_0198c0de5a7b7c1e8f00a1b2c3d4e5f6",
    "rule": "volume",
    "tier": "queue",
    "state": "open",
    "partner": "w1",
    "client": None,
    "model": None,
    "network": None,
    "from": "2026-11-01T00:00:00Z",
    "to": "2026-11-02T00:00:00Z",
    "raised_at": "2026-11-02T00:05:00.5Z",
    "summary": "Much.",
    "measured": 90.0,
    "threshold": 77.0,
    "figures": {"median": 48.0},
    "evidence": {"count": 60, "accesses": ["acc_1", "acc_2"]},
    "request_id": "req_1",
    "acknowledged_at": None,
    "acknowledged_by": None,
    "closed_at": None,
    "closed_by": None,
    "note": None,
}


@pytest.mark.parametrize("rule", Detection)
@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("state", AlertState)
@pytest.mark.parametrize(
    "more",
    [
        {"client": "c1", "model": "model-1", "network": "192.0.2.0/24"},
        {"partner": None, "evidence": {"count": 0, "accesses": []}},
        {"acknowledged_at": "2026-11-02T01:00:00Z", "acknowledged_by": "ana", "note": "<b>\u202e"},
    ],
)
def test_every_alert_is_a_finding(rule: str, tier: str, state: str, more: dict[str, Any]) -> None:
    assert faults(finding({**ALERT, "rule": str(rule), "tier": str(tier), "state": str(state), **more}), 2004) == []


def test_a_finding_tells_how_the_alert_stands() -> None:
    closed = {"state": "false_positive", "closed_at": "2026-11-03T00:00:00Z", "closed_by": "ana", "note": "Expected."}
    opened, ended = finding(ALERT), finding({**ALERT, **closed})

    assert (opened["type_uid"], opened["status_id"], opened["time"]) == (200_401, 1, 1_793_577_900_500)
    assert (ended["type_uid"], ended["status_id"], ended["time"]) == (200_403, 3, 1_793_664_000_000)
    assert (opened["finding_info"]["created_time"], ended["comment"]) == (
        ended["finding_info"]["created_time"],
        "Expected.",
    )
    assert opened["metadata"]["uid"] == opened["finding_info"]["uid"] == ALERT["id"]
    assert opened["evidences"] == [
        {"actor": {"user": {"uid": "w1"}}, "data": {"measured": 90, "threshold": 77, "figures": {"median": 48}}}
    ]


def test_what_is_no_finding_is_noticed() -> None:
    for spoilt in ({"finding_info": {}}, {"evidences": [{}]}, {"type_uid": 1}, {"class_uid": 6003}, {"tier": "page"}):
        event = {**finding(ALERT), **spoilt}
        try:
            assert faults(event, 2004), spoilt
        except ValidationError:
            continue
