"""Applying events to the state in memory, one handler for each kind of content; a handler refuses before it changes."""

from collections.abc import Callable, Mapping
from typing import Any

from partners.feed.applying import campaigns, members, purchases, with_models
from partners.feed.events import (
    Acted,
    Content,
    DeviceSeen,
    Event,
    MemberRegistered,
    MemberUpdated,
    ModelRegistered,
    NothingChanged,
    PrivacyChanged,
    Purchased,
    Refunded,
    Spent,
    TrafficCounted,
)
from partners.feed.state import State

_HANDLERS: Mapping[type[Content], Callable[[State, Event[Any]], None]] = {
    MemberRegistered: members.register,
    MemberUpdated: members.update,
    DeviceSeen: members.see_device,
    PrivacyChanged: members.change_privacy,
    NothingChanged: members.change_nothing,
    Purchased: purchases.purchase,
    Refunded: purchases.refund,
    Spent: with_models.spend,
    Acted: with_models.act,
    ModelRegistered: with_models.register,
    TrafficCounted: campaigns.count_traffic,
}


def apply(state: State, event: Event[Content]) -> None:
    """Apply an event; raise `Refused` or `Repeated`, and then nothing has changed."""
    _HANDLERS[type(event.content)](state, event)
