"""Entries of the access log as `serializers.audit.entry` shapes them: of every kind, and with hostile texts."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from partners.vocabulary import Outcome, PartnerKind, Purpose, Reason, RequestAction

HOUSE = Path(__file__).parents[2]
_OPERATION = re.compile(
    r'"((?:members|purchases|stats|statements|campaigns|card|events|privacy|disclosures|requests|audit|oauth|webhooks|rights|policy|retention)(?:\.[a-z_]+)+)"'
)
STATUSES = {
    Outcome.RELEASED: 200, Outcome.PARTIAL: 200, Outcome.EMPTY: 200, Outcome.DENIED: 403, Outcome.NOT_FOUND: 404,
    Outcome.LIMITED: 429, Outcome.ERROR: 200,
}  # fmt: skip
ENTRY: dict[str, Any] = {
    "id": "acc_01a2087039ee7b19b55e4fa840c0067c", "at": "2026-11-01T12:00:00.123456Z",
    "request_id": "req_01a2087039ee7b19b55e4fa840c0067d", "audience": "webmaster", "partner": "w1", "client": "cl_1",
    "model": None, "operation": "members.list", "purpose": "campaigns", "outcome": "partial", "status": 200,
    "reason": None, "member_count": 2, "members": ["m1", "m2"], "fields_released": ["username", "profile.age"],
    "fields_withheld": {"mask": {"visibility_private": 1}}, "policy_version": "1f", "ip": "192.0.2.7", "index": 7,
    "sensitive": [],
}  # fmt: skip
NOBODY = {"audience": None, "partner": None, "client": None, "ip": None}


def operations() -> set[str]:
    """Every operation that stands in the gateway's code, and those made of a request's action."""
    found = {name for file in (HOUSE / "gateway").rglob("*.py") for name in _OPERATION.findall(file.read_text())}
    return found | {"preview"} | {f"requests.{action}" for action in RequestAction}


def every_kind() -> Iterator[dict[str, Any]]:
    """Each operation with each outcome, each outcome with each reason, and each audience; and with little known."""
    for operation, outcome in product(sorted(operations()), Outcome):
        kind = {"operation": operation, "outcome": outcome.value, "status": STATUSES[outcome]}
        yield ENTRY | kind
        yield ENTRY | kind | NOBODY | {"members": [], "fields_released": [], "fields_withheld": {}, "index": None}
    for outcome, reason in product(Outcome, Reason):
        yield ENTRY | {"outcome": outcome.value, "status": STATUSES[outcome], "reason": reason.value}
    for audience, purpose, ip in product(PartnerKind, Purpose, ("192.0.2.7", "2001:db8::7")):
        yield ENTRY | {"audience": audience.value, "purpose": purpose.value, "ip": ip, "model": "aurora"}


_NASTY = "=|\\\n\r\x1b\t\x7f\x85\u2028\u202e\"', CEF:0a1\u00e9\U0001f989@+-"
HOSTILE = st.text(st.sampled_from(_NASTY), min_size=1, max_size=20)
"""Texts of which every one means something to something that reads lines."""


def hostile_entries() -> st.SearchStrategy[dict[str, Any]]:
    """Entries whose every text that came from outside is hostile."""
    changed = st.fixed_dictionaries(
        dict.fromkeys(("partner", "client", "model", "operation", "policy_version"), HOSTILE)
        | {
            "members": st.lists(HOSTILE, max_size=5),
            "fields_withheld": st.dictionaries(HOSTILE, st.just({"x": 1}), max_size=3),
        }
    )
    return changed.map(lambda values: ENTRY | values)
