"""Entries of the access log as events that security tools know: OCSF 1.7.0, class API Activity (6003)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from partners.access_log.identifiers import EPOCH
from partners.vocabulary import Outcome
from serializers.lines import Document, NdjsonLines
from serializers.operations import OPERATIONS, Activity

VERSION = "1.7.0"
_CATEGORY, _CLASS = 6, 6003
_INFORMATIONAL = 1
_UNKNOWN, _SUCCESS, _FAILURE = 0, 1, 2
PRODUCT = {"name": "Member Data Gateway", "vendor_name": "Member Data Gateway"}
_UNMAPPED = (
    "audience",
    "partner",
    "model",
    "purpose",
    "outcome",
    "member_count",
    "fields_released",
    "fields_withheld",
    "policy_version",
    "sensitive",
)
"""What OCSF has no place for, under our own names."""
_MILLISECOND = timedelta(milliseconds=1)
UNKNOWN = "unknown"
"""Stands where OCSF asks for something that the log does not know: no token was accepted, or the address is gone."""


class OcsfLines(NdjsonLines):
    """One event a line; no line tells the end, for it would be no event: the transfer itself does."""

    def of(self, documents: Iterable[Document]) -> bytes:
        """A line for each entry."""
        return super().of(map(event, documents))

    def end(self, rows: int) -> bytes:  # noqa: ARG002 - OCSF has no place for it
        """Nothing."""
        return b""


def event(entry: Document) -> dict[str, Any]:
    """An entry, as `serializers.audit.entry` shapes it, as an event; nulls are left out."""
    activity = _activity(entry["operation"])
    return {
        "category_uid": _CATEGORY,
        "class_uid": _CLASS,
        "activity_id": activity.value,
        **({"activity_name": entry["operation"] or UNKNOWN} if activity is Activity.OTHER else {}),
        "type_uid": _CLASS * 100 + activity,
        "severity_id": _INFORMATIONAL,
        "time": milliseconds(datetime.fromisoformat(entry["at"])),
        "status_id": _status(entry),
        **without_nulls({"status_code": entry["reason"]}),
        "metadata": _metadata(entry),
        "actor": _actor(entry),
        **_asked(entry),
        "src_endpoint": {"ip": entry["ip"]} if entry["ip"] else {"name": UNKNOWN},
        "resources": [{"type": "member", "uid": member} for member in entry["members"]],
        "unmapped": without_nulls({name: entry[name] for name in _UNMAPPED}),
    }


def _activity(operation: str | None) -> Activity:
    """What is not known to be a look is none."""
    known = OPERATIONS.get(operation or UNKNOWN)
    return known.activity if known else Activity.OTHER


def _status(entry: Document) -> int:
    if entry["status"] is None:
        return _UNKNOWN
    failed = entry["status"] >= HTTPStatus.BAD_REQUEST or entry["outcome"] == Outcome.ERROR
    return _FAILURE if failed else _SUCCESS


def _asked(entry: Document) -> dict[str, Any]:
    """The operation, and the request and its answer where the record is still there."""
    if entry["operation"] is None:
        return {"api": {"operation": UNKNOWN}}
    request = {"request": {"uid": entry["request_id"]}, "response": {"code": entry["status"]}}
    return {"api": {"operation": entry["operation"], **request}, "http_response": {"code": entry["status"]}}


def _metadata(entry: Document) -> dict[str, Any]:
    known = {"version": VERSION, "product": PRODUCT, "uid": entry["id"], "log_name": "access_log"}
    return known | {"original_time": entry["at"]} | without_nulls({"sequence": entry["index"]})


def _actor(entry: Document) -> dict[str, Any]:
    """The client, and on whose behalf: the model's, or the partner's own."""
    behalf = entry["model"] or entry["partner"]
    user = {"user": {"uid": behalf}} if behalf else {}
    return user | ({"app_uid": entry["client"]} if entry["client"] else {"app_name": UNKNOWN})


def milliseconds(instant: datetime) -> int:
    """An instant as OCSF has it: since 1970."""
    return (instant - EPOCH) // _MILLISECOND


def without_nulls(values: dict[str, Any]) -> dict[str, Any]:
    """What is not null."""
    return {name: value for name, value in values.items() if value is not None}
