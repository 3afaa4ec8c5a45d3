"""Entries of the access log as syslog: CEF in the frames of RFC 5425, each a message of RFC 5424."""

import re
from datetime import datetime

from serializers.lines import Document
from serializers.siem import cef

APP_NAME = "member-data-gateway"
_AUDIT = 13
"""The facility "log audit"."""
_INFORMATIONAL, _NOTICE, _WARNING = 6, 5, 4
_SEVERITIES = {cef.USUAL: _INFORMATIONAL, cef.REFUSED: _NOTICE, cef.FAILED: _WARNING}
_LONGEST_HOST = 255
_LONGEST_ID = 32
_NOT_PRINTABLE = re.compile(r"[^!-~]")


def framed(entry: Document, host: str) -> bytes:
    """An entry as one frame, with the name of the machine that speaks."""
    head = _head(_SEVERITIES[cef.severity(entry)], entry["at"], host, entry["operation"] or cef.UNKNOWN)
    return _frame(f"{head} {cef.event(entry)}")


def heartbeat(at: datetime, host: str, *, through: int) -> bytes:
    """A frame that says nothing but that everything up to an index was sent, and nothing came since."""
    instant = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return _frame(f"{_head(_INFORMATIONAL, instant, host, cef.HEARTBEAT)} {cef.heartbeat(instant, through)}")


def _frame(message: str) -> bytes:
    octets = message.encode()
    return b"%d %s" % (len(octets), octets)


def _head(severity: int, at: str, host: str, message_id: str) -> str:
    priority = _AUDIT * 8 + severity
    return f"<{priority}>1 {at} {_name(host, _LONGEST_HOST)} {APP_NAME} - {_name(message_id, _LONGEST_ID)} -"


def _name(text: str, longest: int) -> str:
    return _NOT_PRINTABLE.sub("?", text)[:longest] or "-"
