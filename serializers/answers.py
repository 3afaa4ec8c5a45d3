"""The shape of every answer, for the description of the API: what partners receive, key by key (contract §3 to §6).

Rows that a policy decides over have their schema from it; what is here beside them are the figures, documents and
envelopes that no policy speaks of.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import Schema, fields

from partners.vocabulary import (
    FeedError,
    MaskVisibility,
    Outcome,
    PartnerKind,
    ProfileItem,
    Purpose,
    Reason,
    RequestStatus,
    RequestType,
    StatisticsGroup,
    Via,
    Visibility,
)
from serializers.figures import row_schema
from serializers.policy.shapes import Amount, Instant, Text


class Answer(Schema):
    """An object whose keys are always all there, but for those named in `SOMETIMES`."""

    SOMETIMES: ClassVar[frozenset[str]] = frozenset()

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Require what is always there."""
        field_obj.required = field_name not in self.SOMETIMES


def _closed(values: type[Any], **more: Any) -> fields.Enum[Any]:
    return fields.Enum(values, by_value=True, **more)


class Page(Answer):
    """Where a list goes on."""

    next_cursor = fields.String(
        allow_none=True, metadata={"description": "For `cursor`; null at the end, and always with `since`."}
    )
    has_more = fields.Boolean()


class Meta(Answer):
    """Under which policy an answer was given."""

    policy_version = fields.String(metadata={"description": "The version of the disclosure policy (R31)."})


class PurchasesMeta(Meta):
    """Where to go on after the newest purchase that was told."""

    watermark = fields.String(
        metadata={
            "description": "For `since`: everything recorded after what this answer covers; the same on every page "
            "that `cursor` leads to."
        }
    )


class StatisticsMeta(Meta):
    """How figures are to be read."""

    timezone = fields.String(metadata={"description": "IANA.", "example": "Europe/Luxembourg"})
    data_through = Instant(allow_none=True, metadata={"description": "The newest event the gateway has applied."})


class Campaign(Answer):
    """A campaign of the webmaster's own."""

    code = fields.String()
    name = fields.String()


_Figures = row_schema(())
StatisticsTotal = type("StatisticsTotal", (Answer, _Figures), {})
StatisticsRow = type(
    "StatisticsRow",
    (Answer, _Figures),
    {group.value: Text(allow_none=True) for group in StatisticsGroup}
    | {"SOMETIMES": frozenset(group.value for group in StatisticsGroup)},
)
"""The groups that were asked for, then the currency and the figures."""


class Statement(Answer):
    """What is owed for a final month, in one currency."""

    month = fields.String(metadata={"description": "A UTC calendar month.", "example": "2026-10"})
    currency = fields.String(metadata={"description": "ISO 4217."})
    earned = Amount(metadata={"description": "A decimal string."})
    reversed = Amount(metadata={"description": "A decimal string, never above zero."})
    payable = Amount(metadata={"description": "`earned` plus `reversed`."})
    is_final = fields.Boolean()


ProfileItemVisibility = type(
    "ProfileItemVisibility", (Answer,), {item.value: _closed(Visibility, allow_none=True) for item in ProfileItem}
)
"""An item without a setting of its own is null: as the profile."""


class PrivacySettings(Answer):
    """All settings of a member."""

    profile_visibility = _closed(Visibility)
    profile_item_visibility = fields.Nested(ProfileItemVisibility)
    mask_visibility = _closed(MaskVisibility)
    share_regular_payer = fields.Boolean()
    affiliate_sharing = fields.Boolean()
    loyalty_participation = fields.Boolean()
    service_consent = fields.Boolean()


class SupervisoryAuthority(Answer):
    """Where a member can complain (R56)."""

    name = fields.String()
    country = fields.String()
    website = fields.String(metadata={"format": "uri"})


class Kept(Answer):
    """Something that stays after an erasure, and why (R51)."""

    what = fields.String()
    why = fields.String()


class MemberRequest(Answer):
    """A member's request and where it stands."""

    SOMETIMES = frozenset({"supervisory_authority", "kept"})

    id = fields.String(metadata={"example": "rrq_0198c0de"})
    type = _closed(RequestType)
    status = _closed(RequestStatus)
    via = _closed(Via)
    authorization = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    purpose = fields.String(allow_none=True)
    extension_reason = fields.String(allow_none=True)
    refusal_reason = fields.String(allow_none=True)
    received_at = Instant(allow_none=True)
    due_at = Instant(allow_none=True)
    verified_at = Instant(allow_none=True)
    notified_at = Instant(allow_none=True)
    extended_at = Instant(allow_none=True)
    closed_at = Instant(allow_none=True)
    extended = fields.Boolean()
    supervisory_authority = fields.Nested(SupervisoryAuthority, metadata={"description": "Of a refusal."})
    kept = fields.List(fields.Nested(Kept), metadata={"description": "Of a settled erasure."})


class Disclosure(Answer):
    """One time that a partner received something about the member."""

    at = Instant()
    partner = fields.String(metadata={"description": "By name."})
    model = fields.String(allow_none=True, metadata={"description": "By name; null where it acted for none."})
    purpose = _closed(Purpose)
    operation = fields.String()
    fields_ = fields.List(fields.String(), data_key="fields")


class RejectedLine(Answer):
    """What is wrong with a line of the feed."""

    line = fields.Integer(metadata={"description": "From 1 on, within a batch too."})
    id = fields.String(allow_none=True, metadata={"description": "The event's id, where it could be read."})
    code = _closed(FeedError)
    detail = fields.String()


class FeedReport(Answer):
    """What became of the events that were sent."""

    accepted = fields.Integer()
    duplicates = fields.Integer()
    rejected = fields.Integer()
    errors = fields.List(fields.Nested(RejectedLine), metadata={"description": "The first 1,000."})


class Access(Answer):
    """An entry of the access log: names and reasons, never a value."""

    id = fields.String(metadata={"example": "acc_0198c0de"})
    at = Instant()
    request_id = fields.String()
    audience = _closed(PartnerKind, allow_none=True)
    partner = fields.String(allow_none=True)
    client = fields.String(allow_none=True)
    model = fields.String(allow_none=True)
    operation = fields.String()
    purpose = _closed(Purpose)
    outcome = _closed(Outcome)
    status = fields.Integer()
    reason = _closed(Reason, allow_none=True)
    member_count = fields.Integer()
    members = fields.List(
        fields.String(allow_none=True), metadata={"description": "The platform's ids, null once erased; the first 100."}
    )
    fields_released = fields.List(fields.String())
    fields_withheld = fields.Dict(
        fields.String(),
        fields.Dict(fields.String(), fields.Integer()),
        metadata={"description": "By field and reason: of how many members."},
    )
    policy_version = fields.String(allow_none=True)
    ip = fields.String(allow_none=True)
    index = fields.Integer(allow_none=True, metadata={"description": "In the log, once it is sealed."})
    sensitive = fields.List(
        fields.String(), metadata={"description": "Of the fields released, those that speak of sexual interests."}
    )


class Proof(Answer):
    """That an entry stands in the log (RFC 6962)."""

    index = fields.Integer()
    tree_size = fields.Integer()
    hashes = fields.List(fields.String(metadata={"description": "Base64."}))
    checkpoint = fields.String(metadata={"description": "A signed note (C2SP)."})


class Consistency(Answer):
    """That one size of the log is the beginning of another (RFC 6962)."""

    from_ = fields.Integer(data_key="from")
    to = fields.Integer()
    hashes = fields.List(fields.String(metadata={"description": "Base64."}))


class WholeAccess(Access):
    """An entry with the exact bytes that are sealed."""

    leaf = fields.String(metadata={"description": "Base64; SHA-256(0x00 ‖ leaf) is its hash in the log."})
    proof = fields.Nested(Proof, allow_none=True, metadata={"description": "Null until the entry is sealed."})


class AccessMember(Answer):
    """One member of an entry."""

    member = fields.String(allow_none=True, metadata={"description": "The platform's id; null once erased."})
    fields_released = fields.List(fields.String())
    fields_withheld = fields.Dict(fields.String(), fields.List(fields.String()))


def enveloped(
    name: str, data: fields.Field[Any], beside: Mapping[str, type[Schema]], **more: fields.Field[Any]
) -> type[Schema]:
    """An answer's outermost object: `data`, and what stands beside it, such as `page` and `meta`."""
    nested = {key: fields.Nested(schema) for key, schema in beside.items()}
    return type(name, (Answer,), {"data": data, **more, **nested})
