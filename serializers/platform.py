"""What the platform says about its members' choices and requests, and what it is told about them."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length

from partners.privacy import ITEMS, SETTINGS, Privacy, PrivacyChange
from partners.rights.book import MemberRequest
from partners.rights.erasure import KEPT
from partners.rights.requests import Asked
from partners.rights.steps import NEEDS_A_REASON, SUPERVISORY_AUTHORITY, Step
from partners.vocabulary import (
    ItemVisibility,
    MaskVisibility,
    ProfileItem,
    RequestAction,
    RequestStatus,
    RequestType,
    Via,
    Visibility,
)
from serializers.clock import RulesClock
from serializers.policy.shapes import instant
from serializers.queries import Moment

LONGEST_TEXT = 2_000
EARLIEST_RECEIPT = datetime(2000, 1, 1, tzinfo=UTC)


class StrictBoolean(fields.Boolean):
    """`true` or `false`, and nothing that merely looks like it."""

    def _deserialize(self, value: object, *args: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, *args, **kwargs)


class FreeText(fields.String):
    """A sentence or more; blank is as good as missing, and refused where it was given."""

    def __init__(self) -> None:
        """Take any text that says something."""
        super().__init__(load_default=None, allow_none=True, validate=(Length(1, LONGEST_TEXT), _says_something))


def _says_something(text: str) -> None:
    if not text.strip():
        raise ValidationError("Blank.")


class PastInstant(Moment):
    """An instant that is not in the future of the rules' clock."""

    def _deserialize(self, value: object, *args: Any, **kwargs: Any) -> datetime:
        given = super()._deserialize(value, *args, **kwargs)
        if not EARLIEST_RECEIPT <= given <= RulesClock.get():
            raise ValidationError("Lies in the future, or before the year 2000.")
        return given


_ItemsPatch = Schema.from_dict(
    {item.value: fields.Enum(Visibility, by_value=True, allow_none=True) for item in ProfileItem}, name="ItemsPatch"
)


class PrivacyPatch(Schema):
    """A merge patch (RFC 7396) of a member's settings: what is absent stays; only an item's own setting takes null."""

    profile_visibility = fields.Enum(Visibility, by_value=True)
    profile_item_visibility = fields.Nested(_ItemsPatch)
    mask_visibility = fields.Enum(MaskVisibility, by_value=True)
    share_regular_payer = StrictBoolean()
    affiliate_sharing = StrictBoolean()
    loyalty_participation = StrictBoolean()
    service_consent = StrictBoolean()

    @post_load
    def _change(self, patch: dict[str, Any], **_: Any) -> PrivacyChange:
        items = patch.pop(ITEMS, {})
        own = {ProfileItem(item): ItemVisibility(shown or ItemVisibility.AS_PROFILE) for item, shown in items.items()}
        return PrivacyChange(**patch, profile_item_visibility=own)


class NewRequest(Schema):
    """A member's request as the platform passes it on (contract §5)."""

    type = fields.Enum(RequestType, by_value=True, required=True)
    verified = StrictBoolean(load_default=False)
    received_at = PastInstant()
    via = fields.Enum(Via, by_value=True, load_default=Via.MEMBER)
    authorization = FreeText()
    reason = FreeText()
    purpose = FreeText()

    @validates_schema(skip_on_field_errors=False)
    def _authorized(self, request: dict[str, Any], **_: Any) -> None:
        if request.get("via") is Via.AGENT and request.get("authorization", "") is None:
            raise ValidationError("An agent needs a written authorization.", "authorization")

    @post_load
    def _asked(self, request: dict[str, Any], **_: Any) -> Asked:
        return Asked(**{"received_at": RulesClock.get()} | request)


class NextStep(Schema):
    """What the platform does with a request."""

    action = fields.Enum(RequestAction, by_value=True, required=True)
    reason = FreeText()

    @validates_schema(skip_on_field_errors=False)
    def _reasoned(self, step: dict[str, Any], **_: Any) -> None:
        if step.get("action") in NEEDS_A_REASON and step.get("reason", "") is None:
            raise ValidationError("This needs a reason.", "reason")

    @post_load
    def _step(self, step: dict[str, Any], **_: Any) -> Step:
        return Step(**step)


def privacy_document(privacy: Privacy) -> dict[str, Any]:
    """All settings of a member; an item without one of its own is null."""
    own = {
        item.value: None if shown is ItemVisibility.AS_PROFILE else shown
        for item, shown in privacy.profile_item_visibility.items()
    }
    return {name: getattr(privacy, name) for name in SETTINGS} | {ITEMS: own}


def request_document(request: MemberRequest) -> dict[str, Any]:
    """A request and where it stands; a refusal names whom to complain to (R56), an erasure what stays (R51)."""
    document = {name: getattr(request, name) for name in _TOLD}
    times = {name: getattr(request, name) for name in _TIMES}
    document |= {name: instant(time) if time else None for name, time in times.items()}
    document["extended"] = request.extended_at is not None
    if request.status is RequestStatus.REFUSED:
        document["supervisory_authority"] = SUPERVISORY_AUTHORITY
    if (request.type, request.status) == (RequestType.ERASURE, RequestStatus.SETTLED):
        document["kept"] = [asdict(kept) for kept in KEPT]
    return document


def conflict_document(more: Mapping[str, Any]) -> dict[str, Any]:
    """What a conflict names besides its text, as it goes into the problem document."""
    return {name: instant(value) if isinstance(value, datetime) else value for name, value in more.items()}


_TOLD = ("id", "type", "status", "via", "authorization", "reason", "purpose", "extension_reason", "refusal_reason")
_TIMES = ("received_at", "due_at", "verified_at", "notified_at", "extended_at", "closed_at")
