"""What happens to the demo's members, as the platform would tell it: registrations, purchases, models, settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from gateway.demo.cast import HEROINE, MODELS, WEBMASTERS
from gateway.demo.members import CURRENCY, Member, Purchase, dice
from gateway.demo.profiles import MASKS, profile
from partners.vocabulary import Action, EventType, RefundReason

HOUR = timedelta(hours=1)
INCOME_SHARE = Decimal("0.30")
REFUNDED = 0.02
RESERVED = 0.12
"""Shares of purchases, and of members who are not in the cast."""
REGULAR_FROM = 5
"""Purchases from which on a member counts as a regular payer."""
TRAFFIC_DAYS = 90
"""So that the whole month of the guide's statistics has clicks."""
TRAFFIC_HOURS = (1, 8, 12, 17, 20, 22)
FEATURES = ("private_chat", "private_chat", "video_call", "tip", "snapshot")
SOCIAL = (Action.LIKE, Action.LIKE, Action.COMMENT, Action.MESSAGE, Action.ROOM_VISIT, Action.RATING)
CHANGES_OF_MIND: tuple[Mapping[str, Any], ...] = (
    {"profile_visibility": "private"},
    {"profile_visibility": "private_chatted"},
    {"mask_visibility": "private"},
    {"share_regular_payer": False},
    {"affiliate_sharing": False},
)


@dataclass(frozen=True)
class Told:
    """One event before it becomes a line."""

    at: datetime
    type: EventType
    subject: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def of_site(today: date) -> Iterator[Told]:
    """The models, registered long before, and the clicks of the last weeks."""
    long_ago = datetime.combine(today, time(), UTC) - timedelta(days=600)
    for model in MODELS:
        yield Told(long_ago, EventType.MODEL_REGISTERED, model, {"name": model.title()})
    codes = [(webmaster.id, code) for webmaster in WEBMASTERS for code in webmaster.campaigns]
    for webmaster, campaign in codes:
        chance = dice("traffic", webmaster, campaign)
        for days in range(TRAFFIC_DAYS, 0, -1):
            for hour in TRAFFIC_HOURS:
                slot = datetime.combine(today - timedelta(days=days), time(hour), UTC)
                clicks = chance.randrange(2, 60)
                counts = {"clicks": clicks, "unique_clicks": chance.randrange(clicks // 2, clicks + 1)}
                data = {"webmaster": webmaster, "campaign": campaign, "slot": f"{slot:%Y-%m-%dT%H:%M:%SZ}", **counts}
                yield Told(slot + HOUR, EventType.CAMPAIGN_TRAFFIC, data=data)


def of_member(member: Member, today: date) -> Iterator[Told]:
    """Everything about one member, in no order, and all of it before `today`."""
    chance = dice("story", member.id)
    until = datetime.combine(today, time(), UTC)
    told = [*_registered(member, chance), *_decided(member, chance)]
    if member.role is not None:
        told += _with_heroine(member)
    for purchase in member.purchases:
        told += _bought(member, purchase, chance)
    return (each for each in told if each.at < until)


def _registered(member: Member, chance: Random) -> Iterator[Told]:
    registered = {
        "username": member.username,
        "site": member.site,
        "country": member.country,
        "user_agent": member.user_agent,
    }
    if member.referral is not None:
        came_by = member.referral
        registered |= {"webmaster": came_by.webmaster, "campaign": came_by.campaign, "sub1": came_by.sub1}
    yield Told(member.registered_at, EventType.MEMBER_REGISTERED, member.id, registered)
    described = {
        "profile": profile(member.username, chance, whole=member.role is not None),
        "mask": chance.choice(MASKS),
        "regular_payer": member.role.regular_payer if member.role else len(member.purchases) >= REGULAR_FROM,
    }
    yield Told(member.registered_at + timedelta(minutes=5), EventType.MEMBER_UPDATED, member.id, described)


def _decided(member: Member, chance: Random) -> Iterator[Told]:
    """Settings, changed shortly before the last purchase: those before it stay counted in statistics (R10)."""
    at = member.purchases[-1].at - HOUR if len(member.purchases) > 1 else member.registered_at + HOUR
    if member.role is None:
        if chance.random() < RESERVED:
            yield Told(at, EventType.MEMBER_PRIVACY_CHANGED, member.id, chance.choice(CHANGES_OF_MIND))
        return
    if member.role.privacy:
        yield Told(at, EventType.MEMBER_PRIVACY_CHANGED, member.id, member.role.privacy)
    if member.role.signal is not None:
        yield Told(at, EventType.MEMBER_SIGNAL_RECEIVED, member.id, {"signal": member.role.signal})


def _with_heroine(member: Member) -> Iterator[Told]:
    at, her = member.purchases[-1].at, {"model": HEROINE}
    yield Told(at + timedelta(minutes=20), EventType.ACTION_PERFORMED, member.id, her | {"action": Action.LIKE})
    yield Told(at + timedelta(minutes=21), EventType.MODEL_FAVORITED, member.id, her)
    spent = her | {"feature": "tip", "credits": 3}
    yield Told(at + timedelta(minutes=22), EventType.CREDITS_SPENT, member.id, spent)
    if member.role is not None and member.role.chatted:
        chat = her | {"action": Action.PRIVATE_CHAT}
        yield Told(at + timedelta(minutes=25), EventType.ACTION_PERFORMED, member.id, chat)
        yield Told(at + timedelta(minutes=40), EventType.FANCLUB_JOINED, member.id, her)
        yield Told(at + timedelta(minutes=45), EventType.GIFT_SENT, member.id, her)


def _bought(member: Member, purchase: Purchase, chance: Random) -> Iterator[Told]:
    income = (Decimal(purchase.amount) * INCOME_SHARE).quantize(Decimal("0.01")) if member.referral else Decimal(0)
    bought = {
        "purchase_id": purchase.id,
        "credits": purchase.credits,
        "amount": purchase.amount,
        "currency": CURRENCY,
        "income": f"{income:.2f}",
    }
    yield Told(purchase.at, EventType.CREDITS_PURCHASED, member.id, bought)
    yield Told(purchase.at + HOUR, EventType.MEMBER_DEVICE_SEEN, member.id, {"user_agent": member.user_agent})
    yield from _spent(member, purchase.at, purchase.credits, chance)
    if chance.random() < REFUNDED:
        refunded = {"purchase_id": bought["purchase_id"], "reason": chance.choice(list(RefundReason))}
        yield Told(purchase.at + timedelta(days=5), EventType.CREDITS_REFUNDED, member.id, refunded)


def _spent(member: Member, bought_at: datetime, credits_left: int, chance: Random) -> Iterator[Told]:
    """An evening with one model after a purchase: some actions, and about half of the credits."""
    her = {"model": chance.choice(MODELS)}
    for visit in range(chance.randrange(1, 4)):
        at = bought_at + timedelta(minutes=30 + 30 * visit)
        yield Told(at, EventType.ACTION_PERFORMED, member.id, her | {"action": chance.choice(SOCIAL)})
        spent = her | {"feature": chance.choice(FEATURES), "credits": max(1, credits_left // 6)}
        yield Told(at + timedelta(minutes=10), EventType.CREDITS_SPENT, member.id, spent)
