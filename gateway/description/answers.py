"""What each operation answers when all is well, by the name of its view. A new route needs a line here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from marshmallow import Schema, fields

from gateway.description.fields import Previewed
from serializers.alerts import AuditAlert
from serializers.answers import (
    Access,
    AccessMember,
    Campaign,
    Consistency,
    Disclosure,
    FeedReport,
    MemberRequest,
    Meta,
    Page,
    PrivacySettings,
    PurchasesMeta,
    Statement,
    StatisticsMeta,
    StatisticsRow,
    StatisticsTotal,
    WholeAccess,
    enveloped,
)
from serializers.lines import Form
from serializers.statements import Card, MemberRow, PurchaseRow
from serializers.statements.model import SpendingLine

WITH_META: Mapping[str, type[Schema]] = {"meta": Meta}
PAGED: Mapping[str, type[Schema]] = {"page": Page}
PAGED_WITH_META: Mapping[str, type[Schema]] = {**PAGED, **WITH_META}
LOG_HEADERS = ("Log-Origin", "Log-Size")


@dataclass(frozen=True)
class Told:
    """A good answer; nothing for `schema` where it comes as lines only, or as a `text`, which says what it is.

    `media_type` is that of the `text`.
    """

    schema: type[Schema] | None
    status: HTTPStatus = HTTPStatus.OK
    text: str | None = None
    media_type: str = "text/plain"
    forms: tuple[Form, ...] = ()
    """In which forms its lines come too, beside the text."""
    is_endless: bool = False
    """Whether no line tells the end, for there is none."""
    headers: tuple[str, ...] = ()
    """What it has besides the usual ones."""


def _list(name: str, row: type[Schema], beside: Mapping[str, type[Schema]], **more: fields.Field[Any]) -> Told:
    return Told(enveloped(name, fields.List(fields.Nested(row)), beside, **more))


def _one(name: str, row: type[Schema], beside: Mapping[str, type[Schema]]) -> Told:
    return Told(enveloped(name, fields.Nested(row), beside))


CARDS = _list("Cards", Card, PAGED_WITH_META)
MEMBER_REQUEST = Told(MemberRequest)

ANSWERS: Mapping[str, Told] = {
    "webmaster.list_members": _list("Members", MemberRow, PAGED_WITH_META),
    "webmaster.get_member": _one("Member", MemberRow, WITH_META),
    "webmaster.list_purchases": _list("Purchases", PurchaseRow, {**PAGED, "meta": PurchasesMeta}),
    "webmaster.list_campaigns": _list("Campaigns", Campaign, {}),
    "statistics.query_statistics": _list(
        "Statistics",
        StatisticsRow,
        {**PAGED, "meta": StatisticsMeta},
        totals=fields.List(fields.Nested(StatisticsTotal)),
    ),
    "statistics.list_statements": _list("Statements", Statement, {}),
    "model.get_card": _one("MemberCard", Card, WITH_META),
    "model.list_cards": CARDS,
    "model.batch_cards": CARDS,
    "model.list_spending": _list("SpendingLines", SpendingLine, PAGED_WITH_META),
    "platform.get_privacy": Told(PrivacySettings),
    "platform.patch_privacy": Told(PrivacySettings),
    "platform.create_request": Told(MemberRequest, HTTPStatus.CREATED),
    "platform.list_requests": _list("MemberRequests", MemberRequest, {}),
    "platform.get_request": MEMBER_REQUEST,
    "platform.move_request": MEMBER_REQUEST,
    "archives.get_archive": Told(None, text="A zip with an `index.html`.", media_type="application/zip"),
    "events.post_events": Told(FeedReport),
    "disclosures.list_disclosures": _list("Disclosures", Disclosure, PAGED),
    "disclosures.preview_member": Told(enveloped("Preview", Previewed(), WITH_META)),
    "audit.search_accesses": _list("Accesses", Access, PAGED),
    "audit.get_access": _one("AccessEntry", WholeAccess, {}),
    "audit.list_access_members": _list("AccessMembers", AccessMember, PAGED),
    "audit_export.export_accesses": Told(None, text="CEF, an event a line.", forms=tuple(Form)),
    "audit_stream.stream_accesses": Told(
        None, text="CEF, an event a line.", forms=(Form.NDJSON,), is_endless=True, headers=LOG_HEADERS
    ),
    "alerts.list_alerts": replace(_list("AuditAlerts", AuditAlert, PAGED), forms=(Form.NDJSON,), is_endless=True),
    "alerts.get_alert": _one("AuditAlertEntry", AuditAlert, {}),
    "audit_proofs.get_checkpoint": Told(None, text="A signed note (C2SP tlog-checkpoint)."),
    "audit_proofs.get_consistency": _one("LogConsistency", Consistency, {}),
    "audit_proofs.get_key": Told(None, text="A verifier key (C2SP signed-note): name, key id and key, joined by `+`."),
}
