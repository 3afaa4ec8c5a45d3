"""Notices in words: to whom a concern goes by what the log says, and what a webhook tells. Never a value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from partners.access_log.identifiers import public
from partners.outbox import ALWAYS, LOG_SETTLES, Received
from partners.vocabulary import NoticeTopic, PartnerKind
from serializers.policy.recorded import Policies
from serializers.policy.shapes import instant
from serializers.wire import json_of

NOTICE_PREFIX = "ntc_"
REF, USERNAME = "ref", "username"
KNOWN_BY: Mapping[PartnerKind, str] = {PartnerKind.WEBMASTER: REF, PartnerKind.MODEL_CENTER: USERNAME}
"""How each kind of recipient knows a member: by its own reference, or by the name on the cards it was given."""
TOPICS: Mapping[NoticeTopic, str] = {
    NoticeTopic.ERASED: "Delete everything you hold about the member.",
    NoticeTopic.RESTRICTED: "Keep what you hold, but do nothing with it.",
    NoticeTopic.WITHDRAWN: "Use what you hold no more, and delete it.",
    NoticeTopic.RESTORED: "A restriction or withdrawal has ended: what the gateway answers may be used again.",
    NoticeTopic.ITEMS_REMOVED: "Delete `fields` of the profile.",
    NoticeTopic.RECTIFIED: "`fields` were wrong: read the member again. Without `fields`: everything you hold.",
    NoticeTopic.RENAMED: "Nobody has this `username` any more: delete what you hold under it, or read your lists anew.",
}
"""What each type of notice asks of its recipient, as `docs/webhooks.md` says."""


@dataclass
class Recipient:
    """A partner that a concern goes to, and which of its fields it received."""

    audience: PartnerKind
    fields: set[str] = field(default_factory=set)


def recipients_of(concern: Row[Any], received: Iterable[Received], policies: Policies) -> dict[int, Recipient]:
    """Those whom the log names as having received what a concern is about, by partner: no more, no fewer (R65)."""
    found: dict[int, Recipient] = {}
    # What arrived before the change may have been answered after it.
    since = dict(zip(concern.fields, concern.fields_since, strict=False))
    there = {name: since.get(name, ALWAYS) - LOG_SETTLES for name in concern.fields}
    for each in received:
        if each.audience not in concern.audiences:
            continue
        explainer = policies.explainer(each.policy_version, each.operation)
        released = set(explainer.explain(each.verdict).released) if explainer else set()
        fields = {name for name, begun in there.items() if name in released and each.last_at >= begun}
        if there and not fields:
            continue
        recipient = found.setdefault(each.partner, Recipient(each.audience))
        recipient.fields |= fields
    return found


def notice_document(notice: Row[Any], subject: str, kind: PartnerKind) -> dict[str, Any]:
    """What a webhook tells: what to do about whom; `fields` by name, and only those that this partner received."""
    told: dict[str, Any] = {"notice": public(NOTICE_PREFIX, notice.id), KNOWN_BY[kind]: subject}
    if notice.fields:
        told["fields"] = list(notice.fields)
    return {"type": notice.topic, "timestamp": instant(notice.created_at), "data": told}


def notice_body(notice: Row[Any], subject: str, kind: PartnerKind) -> bytes:
    """The bytes that are signed and sent."""
    return json_of(notice_document(notice, subject, kind))
