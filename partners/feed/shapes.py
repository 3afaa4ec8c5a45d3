"""The data of each event type: which keys it has, how their values are checked, and what they make."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from partners.feed import building, values
from partners.feed.events import Acted, Content, DeviceSeen, ModelRegistered, Refunded, Spent
from partners.feed.fields import Field, Fields, Values, object_of
from partners.privacy import ITEMS
from partners.vocabulary import (
    SUBS,
    Action,
    EventType,
    MaskVisibility,
    ProfileItem,
    RefundReason,
    RelationAction,
    Signal,
    Visibility,
)

LONGEST_ITEM = 500
LONGEST_SUB = 255


@dataclass(frozen=True)
class Shape:
    """The keys of an event type's data, and what is made of their values at an instant."""

    fields: Fields
    build: Callable[[Values, datetime], Content]
    has_subject: bool = True


def _with_model(action: RelationAction) -> Shape:
    return Shape({"model": _ID}, lambda read, _: Acted(read["model"], action))


_ID = Field(values.identifier, required=True)
_NAME = Field(values.slug, required=True)
_CREDITS = Field(values.whole(1, values.MOST_CREDITS), required=True)
_CLICKS = Field(values.whole(0, values.MOST_CLICKS), required=True)
_SUB = Field(values.text(LONGEST_SUB), nullable=True)
_ITEM = Field(values.text(LONGEST_ITEM), nullable=True)
_AGE = Field(values.whole(18, 120), nullable=True)
_FLAG = Field(values.flag)
_VISIBILITY = values.one_of(Visibility)

_PROFILE: Fields = {item: _AGE if item is ProfileItem.AGE else _ITEM for item in ProfileItem}
_ITEM_VISIBILITIES: Fields = dict.fromkeys(ProfileItem, Field(_VISIBILITY, nullable=True))

SHAPES: Mapping[EventType, Shape] = {
    EventType.MEMBER_REGISTERED: Shape(
        {
            "username": Field(values.username, required=True),
            "site": Field(values.site, required=True),
            "country": Field(values.country, required=True),
            "webmaster": Field(values.identifier, nullable=True),
            "campaign": Field(values.slug, nullable=True),
            **dict.fromkeys(SUBS, _SUB),
            "user_agent": Field(values.device, nullable=True),
            "registered_at": Field(values.instant, nullable=True),
        },
        building.registered,
    ),
    EventType.MEMBER_UPDATED: Shape(
        {
            "username": Field(values.username),
            "site": Field(values.site),
            "country": Field(values.country),
            "mask": Field(values.slug, nullable=True),
            "regular_payer": Field(values.flag, nullable=True),
            "profile": Field(object_of(_PROFILE), nullable=True),
        },
        building.updated,
    ),
    EventType.MEMBER_DEVICE_SEEN: Shape(
        {"user_agent": Field(values.device, required=True)}, lambda read, _: DeviceSeen(read["user_agent"])
    ),
    EventType.MEMBER_PRIVACY_CHANGED: Shape(
        {
            "profile_visibility": Field(_VISIBILITY),
            ITEMS: Field(object_of(_ITEM_VISIBILITIES)),
            "mask_visibility": Field(values.one_of(MaskVisibility)),
            "share_regular_payer": _FLAG,
            "affiliate_sharing": _FLAG,
            "loyalty_participation": _FLAG,
            "service_consent": _FLAG,
        },
        building.privacy_changed,
    ),
    EventType.MEMBER_SIGNAL_RECEIVED: Shape(
        {"signal": Field(values.one_of(Signal), required=True)}, building.signal_received
    ),
    EventType.CREDITS_PURCHASED: Shape(
        {
            "purchase_id": _ID,
            "credits": _CREDITS,
            "amount": Field(values.decimal, required=True),
            "currency": Field(values.currency, required=True),
            "income": Field(values.decimal, nullable=True),
        },
        building.purchased,
    ),
    EventType.CREDITS_REFUNDED: Shape(
        {"purchase_id": _ID, "reason": Field(values.one_of(RefundReason), required=True)},
        lambda read, _: Refunded(**read),
    ),
    EventType.CREDITS_SPENT: Shape(
        {"model": _ID, "feature": _NAME, "credits": _CREDITS}, lambda read, _: Spent(**read)
    ),
    EventType.MODEL_FAVORITED: _with_model(RelationAction.FAVORITED),
    EventType.MODEL_UNFAVORITED: _with_model(RelationAction.UNFAVORITED),
    EventType.FANCLUB_JOINED: _with_model(RelationAction.FAN_CLUB_JOINED),
    EventType.FANCLUB_LEFT: _with_model(RelationAction.FAN_CLUB_LEFT),
    EventType.GIFT_SENT: _with_model(RelationAction.GIFT_SENT),
    EventType.ACTION_PERFORMED: Shape(
        {"model": _ID, "action": Field(values.one_of(Action), required=True)}, lambda read, _: Acted(**read)
    ),
    EventType.CAMPAIGN_TRAFFIC: Shape(
        {
            "webmaster": _ID,
            "campaign": _NAME,
            "slot": Field(values.slot, required=True),
            "clicks": _CLICKS,
            "unique_clicks": _CLICKS,
        },
        building.traffic_counted,
        has_subject=False,
    ),
    EventType.MODEL_REGISTERED: Shape({"name": _ID}, lambda read, _: ModelRegistered(**read)),
}
"""Every event type there is (contract §2)."""
