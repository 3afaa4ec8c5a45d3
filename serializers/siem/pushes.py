"""What is posted to security tools: a batch of sealed entries, or a sign of life, as a Standard Webhook's body."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

from serializers.audit import StreamForm
from serializers.lines import Document
from serializers.siem import ocsf
from serializers.wire import json_of

ENTRIES, HEARTBEAT = "access_log.entries", "access_log.heartbeat"


def entries_body(entries: Sequence[Document], form: StreamForm, *, log: str, at: datetime) -> bytes:
    """A batch: the entries and the indexes it goes from and to, of which a receiver has each once."""
    said = [ocsf.event(entry) for entry in entries] if form is StreamForm.OCSF else entries
    data = {"log": log, "first": entries[0]["index"], "last": entries[-1]["index"], "entries": said}
    return json_of({"type": ENTRIES, "timestamp": at, "data": data})


def heartbeat_body(*, through: int, log: str, at: datetime) -> bytes:
    """That everything up to an index was sent, and that nothing came since."""
    return json_of({"type": HEARTBEAT, "timestamp": at, "data": {"log": log, "last": through}})


def message_id(log: str, first: int, last: int) -> str:
    """The `webhook-id` of a batch: the same at each attempt, another in a log of another name."""
    return f"log_{hashlib.sha256(log.encode()).hexdigest()[:12]}_{first}_{last}"
