"""The envelope of an event: CloudEvents 1.0 in structured JSON, and the names that nothing inside may have."""

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from partners import stamps
from partners.feed import values
from partners.feed.faults import Refused
from partners.vocabulary import FORBIDDEN_NAMES, FeedError

AHEAD = timedelta(minutes=5)
"""How far the platform's clock may run before ours."""
LONGEST_ATTRIBUTE = 1_024
_ATTRIBUTE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ufffe\uffff\U0010fffe\U0010ffff]+")
"""CloudEvents allows neither control characters nor noncharacters; stamps rely on it."""
_IGNORED = str.maketrans("", "", "_-")


def _folded(name: str) -> str:
    return name.lower().translate(_IGNORED)


_FORBIDDEN = {_folded(name): name for name in FORBIDDEN_NAMES}


@lru_cache(maxsize=1_024)
def _forbidden(name: str) -> str | None:
    """The forbidden name that a key amounts to; the keys of a feed are few and come again and again."""
    return _FORBIDDEN.get(_folded(name))


class Envelope(NamedTuple):
    """An event before its data is looked at."""

    id: str
    type: str
    subject: str | None
    time: datetime
    stamp: str
    digest: str
    """Under which it is remembered as applied: 128 bits of SHA-256 over source, U+001F and id, in hex."""
    data: Mapping[str, Any]


def readable_id(document: object) -> str | None:
    """The event's id, for the report of a fault; nothing if there is none to speak of."""
    value = document.get("id") if isinstance(document, dict) else None
    return value if _is_attribute(value) else None


def refuse_forbidden_names(document: object) -> None:
    """Refuse an event whose data has, at any depth, a name for what the gateway must not hold (R2)."""
    pending = [document.get("data")] if isinstance(document, dict) else []
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            for name in value:
                if (found := _forbidden(name)) is not None:
                    raise Refused(FeedError.FORBIDDEN_FIELD, f"`{found}` is never accepted, at any depth of `data`")
            pending += value.values()
        elif isinstance(value, list):
            pending += value


def read_envelope(document: object, *, now: datetime) -> Envelope:
    """Read an event's attributes; extension attributes are ignored. Raises `Refused`."""
    if not isinstance(document, dict):
        raise _invalid("a line holds one event, a JSON object")
    if document.get("specversion") != "1.0":
        raise _invalid('`specversion` must be "1.0"')
    source = _attribute(document, "source")
    event_id = _attribute(document, "id")
    time = _time(document, now)
    return Envelope(
        id=event_id,
        type=_attribute(document, "type"),
        subject=_subject(document),
        time=time,
        stamp=stamps.of_event(time, source, event_id),
        digest=_digest(source, event_id),
        data=_data(document),
    )


def _attribute(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if _is_attribute(value):
        return str(value)
    raise _invalid(f"`{name}` must be a string of 1 to {LONGEST_ATTRIBUTE} characters without control characters")


def _is_attribute(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_ATTRIBUTE and _ATTRIBUTE.fullmatch(value) is not None


def _time(document: Mapping[str, Any], now: datetime) -> datetime:
    try:
        time = values.instant(document.get("time"))
    except Refused as refused:
        raise _invalid(f"`time` {refused.fault.detail}") from None
    if time > now + AHEAD:
        raise _invalid("`time` must not be more than 5 minutes ahead")
    return time


def _subject(document: Mapping[str, Any]) -> str | None:
    value = document.get("subject")
    try:
        return None if value is None else values.identifier(value)
    except Refused as refused:
        raise _invalid(f"`subject` {refused.fault.detail}") from None


def _data(document: Mapping[str, Any]) -> Mapping[str, Any]:
    data = document.get("data")
    if not isinstance(data, dict) or "data_base64" in document:
        raise _invalid("`data` must be a JSON object, and `data_base64` is not taken")
    return data


def _digest(source: str, event_id: str) -> str:
    return hashlib.sha256(f"{source}{stamps.SEPARATOR}{event_id}".encode()).hexdigest()[:32]


def _invalid(detail: str) -> Refused:
    return Refused(FeedError.INVALID_EVENT, detail)
