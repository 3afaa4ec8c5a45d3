"""Entries of the access log as CEF:0 (ArcSight Common Event Format), which most security tools read off syslog."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from http import HTTPStatus
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any

from partners.access_log.identifiers import EPOCH
from partners.vocabulary import Outcome
from serializers.lines import Document, Lines
from serializers.wire import json_of

PRODUCT = "Member Data Gateway"
USUAL, REFUSED, FAILED = 3, 5, 8
"""Severities, of 0 to 10."""
LONGEST_MEMBERS = 3_000
"""Characters that members' ids may take: what reads syslog need not take more than 8,192 octets (RFC 5425 §4.3.1)."""
UNKNOWN = "unknown"
HEARTBEAT = "audit.heartbeat"
_MILLISECOND = timedelta(milliseconds=1)
_HEAD = f"CEF:0|{PRODUCT}|{PRODUCT}|{version('member-data-gateway')}"


class CefLines(Lines):
    """One event a line; no line tells the end, for it would be no event: the transfer itself does."""

    content_type = "text/plain; charset=utf-8"

    def head(self) -> bytes:
        """Nothing."""
        return b""

    def of(self, documents: Iterable[Document]) -> bytes:
        """A line for each entry."""
        return "".join(f"{event(document)}\n" for document in documents).encode()

    def end(self, rows: int) -> bytes:  # noqa: ARG002 - CEF has no place for it
        """Nothing."""
        return b""


def event(entry: Document) -> str:
    """An entry, as `serializers.audit.entry` shapes it, as an event; nulls are left out."""
    operation = entry["operation"] or UNKNOWN
    name = f"{operation} {entry['outcome'] or UNKNOWN}"
    extension = " ".join(f"{key}={_value(value)}" for key, value in _extension(entry) if value is not None)
    return f"{_HEAD}|{_header(operation)}|{_header(name)}|{severity(entry)}|{extension}"


def heartbeat(at: str, through: int) -> str:
    """An event that says that everything up to an index was sent, and that nothing came since."""
    return f"{_HEAD}|{HEARTBEAT}|{HEARTBEAT}|0|rt={milliseconds(at)} cn1={through} cn1Label=index"


def severity(entry: Document) -> int:
    """How much an entry matters, of 0 to 10."""
    if entry["outcome"] == Outcome.ERROR:
        return FAILED
    return REFUSED if (entry["status"] or 0) >= HTTPStatus.BAD_REQUEST else USUAL


def milliseconds(instant: str) -> int:
    """Unix time of an instant as an entry has it."""
    return (datetime.fromisoformat(instant) - EPOCH) // _MILLISECOND


def _extension(entry: Document) -> Iterator[tuple[str, Any]]:
    yield "rt", milliseconds(entry["at"])
    yield "externalId", entry["id"]
    yield "cat", entry["audience"]
    yield "act", entry["outcome"]
    yield "outcome", _success(entry)
    yield "reason", entry["reason"]
    yield from _source(entry["ip"])
    yield "suid", entry["client"]
    yield from _labelled("cs", _texts(entry))
    yield from _labelled(
        "cn", [("index", entry["index"]), ("members", entry["member_count"]), ("status", entry["status"])]
    )
    marks = [("request id", entry["request_id"]), ("sensitive", ",".join(entry["sensitive"]) or None)]
    yield from _labelled("flexString", marks)
    yield "gatewayMembers", json_of(_fitting(entry["members"])).decode() if entry["members"] else None


def _success(entry: Document) -> str | None:
    if entry["outcome"] is None:
        return None
    return "success" if severity(entry) == USUAL else "failure"


def _source(ip: str | None) -> Iterator[tuple[str, Any]]:
    if ip is not None and ":" in ip:
        yield from _labelled("c6a", [("source", None), ("source", ip_address(ip).exploded)])
    else:
        yield "src", ip


def _texts(entry: Document) -> list[tuple[str, str | None]]:
    withheld = entry["fields_withheld"]
    return [
        ("partner", entry["partner"]),
        ("model", entry["model"]),
        ("purpose", entry["purpose"]),
        ("policy", entry["policy_version"]),
        ("released", ",".join(entry["fields_released"]) or None),
        ("withheld", json_of(withheld).decode() if withheld else None),
    ]


def _labelled(key: str, values: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """What CEF has no key for stands in numbered ones, each with a label that says what it is."""
    for number, (label, value) in enumerate(values, 1):
        if value is not None:
            yield f"{key}{number}", value
            yield f"{key}{number}Label", label


def _fitting(members: Iterable[str]) -> list[str]:
    """As many ids as there is room for; `members` counts all."""
    fitting, room = [], LONGEST_MEMBERS
    for member in members:
        room -= len(member.encode())
        if room < 0:
            break
        fitting.append(member)
    return fitting


def _header(text: str) -> str:
    return _visible(text.replace("\\", r"\\").replace("|", r"\|").replace("\r", " ").replace("\n", " "))


def _value(value: object) -> str:
    text = str(value).replace("\\", r"\\").replace("=", r"\=").replace("\r", r"\r").replace("\n", r"\n")
    return _visible(text)


def _visible(text: str) -> str:
    """No character that a terminal or a line reader obeys: it stands there as the JSON escape that it would have."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else f"\\\\u{ord(each):04x}" for each in text)
