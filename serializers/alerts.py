"""Alerts in the words of the API: what auditors may ask for, and what they get."""

from enum import StrEnum
from typing import Any

from marshmallow import Schema, fields

from partners.access_log.identifiers import ACCESS_PREFIX, public
from partners.detections.alerts import Alert
from partners.tables.access import NETWORK_KEPT
from partners.vocabulary import AlertState, Detection, Tier
from serializers.answers import Answer
from serializers.audit import Term
from serializers.policy.shapes import Instant, instant
from serializers.queries import USUAL_PAGE, Cursor, PageSize


class AlertForm(StrEnum):
    """The forms a list of alerts comes in."""

    JSON = "json"
    OCSF = "ocsf"


class AlertsQuery(Schema):
    """Which alerts; everything given must apply."""

    state = fields.Enum(AlertState, by_value=True, metadata={"description": "Where it stands."})
    tier = fields.Enum(Tier, by_value=True, metadata={"description": "How soon to look at it."})
    rule = fields.Enum(Detection, by_value=True, metadata={"description": "Which rule raised it."})
    partner = Term("About whom, by the partner's id.")
    limit = PageSize(load_default=USUAL_PAGE)
    cursor = Cursor()
    form = fields.Enum(
        AlertForm,
        by_value=True,
        data_key="format",
        load_default=AlertForm.JSON,
        metadata={
            "description": "`ocsf`: all of them, an OCSF Detection Finding a line, without `limit` and `cursor`."
        },
    )


class Shown(Answer):
    """Records that show what an alert is about."""

    count = fields.Integer(metadata={"description": "How many there are in all."})
    accesses = fields.List(fields.String(), metadata={"description": "Ids of entries of the access log; the first 50."})


class AuditAlert(Answer):
    """What is out of the ordinary in the access log."""

    id = fields.String(metadata={"example": "alr_0198c0de5a7b7c1e8f00a1b2c3d4e5f6"})
    rule = fields.Enum(Detection, by_value=True)
    tier = fields.Enum(Tier, by_value=True)
    state = fields.Enum(AlertState, by_value=True)
    partner = fields.String(allow_none=True, metadata={"description": "Null where it is about the log itself."})
    client = fields.String(allow_none=True)
    model = fields.String(allow_none=True)
    network = fields.String(allow_none=True, metadata={"description": f"Gone after {NETWORK_KEPT.days} days."})
    from_ = Instant(data_key="from", metadata={"description": "Of the window that it is about."})
    to = Instant(metadata={"description": "The window's end, exclusive."})
    raised_at = Instant()
    summary = fields.String()
    measured = fields.Float()
    threshold = fields.Float()
    figures = fields.Dict(fields.String(), metadata={"description": "The baseline that it was held against, by rule."})
    evidence = fields.Nested(Shown)
    request_id = fields.String(metadata={"description": "Of the record of its raising."})
    acknowledged_at = Instant(allow_none=True)
    acknowledged_by = fields.String(allow_none=True)
    closed_at = Instant(allow_none=True)
    closed_by = fields.String(allow_none=True)
    note = fields.String(allow_none=True)


def alert_document(alert: Alert) -> dict[str, Any]:
    """An alert as `AuditAlert` shapes it."""
    return {
        "id": alert.public_id,
        "rule": alert.rule.value,
        "tier": alert.tier.value,
        "state": alert.state.value,
        "partner": alert.partner,
        "client": alert.client,
        "model": alert.model,
        "network": alert.network,
        "from": instant(alert.since),
        "to": instant(alert.until),
        "raised_at": instant(alert.raised_at),
        "summary": alert.summary,
        "measured": alert.measured,
        "threshold": alert.threshold,
        "figures": dict(alert.figures),
        "evidence": {
            "count": alert.evidence_count,
            "accesses": [public(ACCESS_PREFIX, each) for each in alert.evidence],
        },
        "request_id": alert.request_id,
        "acknowledged_at": instant(alert.acknowledged_at) if alert.acknowledged_at else None,
        "acknowledged_by": alert.acknowledged_by,
        "closed_at": instant(alert.closed_at) if alert.closed_at else None,
        "closed_by": alert.closed_by,
        "note": alert.note,
    }
