"""What is made of an event's checked values: one builder for each content that is more than its values."""

from collections.abc import Iterator
from datetime import datetime

from partners import usernames
from partners.feed import values
from partners.feed.envelope import AHEAD
from partners.feed.events import (
    Change,
    MemberRegistered,
    MemberUpdated,
    NothingChanged,
    PrivacyChanged,
    Purchased,
    TrafficCounted,
    Username,
)
from partners.feed.faults import Refused, invalid_value
from partners.feed.fields import Values
from partners.privacy import ITEMS, item_attribute
from partners.vocabulary import SUBS, ItemVisibility, ProfileItem, Signal


def profile_attribute(item: ProfileItem) -> str:
    """The name under which the stamp of a profile item is kept."""
    return f"profile.{item}"


def registered(read: Values, now: datetime) -> MemberRegistered:
    """The content of `member.registered`."""
    if read.get("campaign") and not read.get("webmaster"):
        raise invalid_value("`campaign` needs the `webmaster` it is of")
    return MemberRegistered(
        username=_username(read["username"]),
        site=read["site"],
        country=read["country"],
        webmaster=read.get("webmaster"),
        campaign=read.get("campaign"),
        subs=tuple(read.get(sub) for sub in SUBS),
        device=read.get("user_agent"),
        registered_at=_not_ahead("registered_at", read.get("registered_at"), now),
    )


def updated(read: Values, _: datetime) -> MemberUpdated:
    """The content of `member.updated`: without an attribute, that one stays as it is."""
    username = read.get("username")
    return MemberUpdated(None if username is None else _username(username), tuple(_changes_of_member(read)))


def _changes_of_member(read: Values) -> Iterator[Change]:
    yield from (Change(name, read[name]) for name in ("site", "country", "mask") if name in read)
    if "regular_payer" in read:
        # The badge is true or nothing (R15): cleared is false.
        yield Change("regular_payer", bool(read["regular_payer"]))
    if "profile" in read:
        # Without an object the profile is cleared as a whole.
        items = dict.fromkeys(ProfileItem) if read["profile"] is None else read["profile"]
        yield from (Change(profile_attribute(item), value) for item, value in items.items())


def privacy_changed(read: Values, _: datetime) -> PrivacyChanged:
    """The content of `member.privacy_changed`."""
    single = (Change(name, value) for name, value in read.items() if name != ITEMS)
    of_items = (
        Change(item_attribute(item), ItemVisibility.AS_PROFILE if value is None else value)
        for item, value in read.get(ITEMS, {}).items()
    )
    return PrivacyChanged((*single, *of_items))


def signal_received(read: Values, _: datetime) -> PrivacyChanged | NothingChanged:
    """The content of `member.signal_received`: `gpc` is an opt-out, `dnt` is nothing (R62)."""
    if read["signal"] is Signal.GPC:
        return PrivacyChanged((Change("affiliate_sharing", value=False),))
    return NothingChanged()


def purchased(read: Values, _: datetime) -> Purchased:
    """The content of `credits.purchased`, amounts in minor units."""
    of = read["currency"]
    return Purchased(
        purchase_id=read["purchase_id"],
        credits=read["credits"],
        amount=_money("amount", read["amount"], of),
        currency=of,
        income=_money("income", read.get("income") or "0", of),
    )


def _money(name: str, amount: str, of: str) -> int:
    try:
        return values.minor_units(amount, of)
    except Refused as refused:
        raise invalid_value(f"`{name}` {refused.fault.detail}") from None


def traffic_counted(read: Values, now: datetime) -> TrafficCounted:
    """The content of `campaign.traffic`."""
    _not_ahead("slot", read["slot"], now)
    return TrafficCounted(**read)


def _not_ahead(name: str, instant: datetime | None, now: datetime) -> datetime | None:
    if instant is not None and instant > now + AHEAD:
        raise invalid_value(f"`{name}` must not be more than 5 minutes ahead")
    return instant


def _username(text: str) -> Username:
    return Username(text, usernames.fold(text))
