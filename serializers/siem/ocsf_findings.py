"""Alerts as events that security tools know: OCSF 1.7.0, class Detection Finding (2004)."""

from collections.abc import Iterable
from datetime import datetime

from partners.detections.alerts import Alert
from partners.vocabulary import AlertState, Tier
from serializers.alerts import alert_document
from serializers.lines import Document, NdjsonLines
from serializers.siem.ocsf import PRODUCT, VERSION, milliseconds, without_nulls

_CATEGORY, _CLASS = 2, 2004
_CREATE, _UPDATE, _CLOSE = 1, 2, 3
_NEW, _IN_PROGRESS, _SUPPRESSED, _RESOLVED = 1, 2, 3, 4
_STANDING = {
    AlertState.OPEN: (_CREATE, _NEW),
    AlertState.ACKNOWLEDGED: (_UPDATE, _IN_PROGRESS),
    AlertState.CLOSED: (_CLOSE, _RESOLVED),
    AlertState.FALSE_POSITIVE: (_CLOSE, _SUPPRESSED),
}
"""What was done last, and where the finding stands."""
_SEVERITY = {Tier.QUEUE: 3, Tier.PAGE: 4}
"""Medium, and high: somebody is woken."""
_RULE = 1
"""The kind of analytic."""
_UNMAPPED = ("tier", "state", "network", "acknowledged_by", "closed_by")


class FindingLines(NdjsonLines):
    """One event a line; no line tells the end, for it would be no event."""

    def end(self, rows: int) -> bytes:  # noqa: ARG002 - OCSF has no place for it
        """Nothing."""
        return b""


def findings(alerts: Iterable[Alert]) -> list[Document]:
    """An event for each alert, of what happened to it last."""
    return [finding(alert_document(alert)) for alert in alerts]


def finding(alert: Document) -> Document:
    """An alert, as `serializers.alerts` shapes it, as an event; nulls are left out."""
    activity, status = _STANDING[AlertState(alert["state"])]
    changed_at = _at(alert["closed_at"] or alert["acknowledged_at"] or alert["raised_at"])
    return {
        "category_uid": _CATEGORY,
        "class_uid": _CLASS,
        "activity_id": activity,
        "type_uid": _CLASS * 100 + activity,
        "severity_id": _SEVERITY[Tier(alert["tier"])],
        "status_id": status,
        "time": changed_at,
        "start_time": _at(alert["from"]),
        "end_time": _at(alert["to"]),
        "is_alert": True,
        "message": alert["summary"],
        **without_nulls({"comment": alert["note"]}),
        "metadata": {
            "version": VERSION,
            "product": PRODUCT,
            "uid": alert["id"],
            "log_name": "alerts",
            # The request id of the `audit.raise` entry: what leads from the log to the alert.
            "correlation_uid": alert["request_id"],
        },
        "finding_info": _info(alert, changed_at),
        "evidences": [_evidence(alert)],
        **({"resources": [{"type": "partner", "uid": alert["partner"]}]} if alert["partner"] else {}),
        "unmapped": without_nulls({name: alert[name] for name in _UNMAPPED}),
    }


def _info(alert: Document, changed_at: int) -> Document:
    shown = alert["evidence"]["accesses"]
    return {
        "uid": alert["id"],
        "title": alert["rule"],
        "desc": alert["summary"],
        "analytic": {"name": alert["rule"], "type_id": _RULE},
        "created_time": _at(alert["raised_at"]),
        "modified_time": changed_at,
        "first_seen_time": _at(alert["from"]),
        "last_seen_time": _at(alert["to"]),
        "data_sources": ["access_log"],
        **({"related_events": [{"uid": each} for each in shown]} if shown else {}),
        "related_events_count": alert["evidence"]["count"],
    }


def _evidence(alert: Document) -> Document:
    """Who it is about, and what was measured beside the baseline."""
    behalf = alert["model"] or alert["partner"]
    who = {**({"user": {"uid": behalf}} if behalf else {}), **without_nulls({"app_uid": alert["client"]})}
    data = {"measured": alert["measured"], "threshold": alert["threshold"], "figures": alert["figures"]}
    return {"data": data, **({"actor": who} if who else {})}


def _at(instant: str) -> int:
    return milliseconds(datetime.fromisoformat(instant))
