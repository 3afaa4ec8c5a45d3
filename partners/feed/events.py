"""What the platform's events say, once they are checked: one frozen class for each kind of content."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from partners.devices import Device
from partners.vocabulary import Action, RefundReason, RelationAction


@dataclass(frozen=True)
class Username:
    """A username as it is shown, and as it is compared."""

    text: str
    key: str


class Change(NamedTuple):
    """An attribute, as `member_stamp` names it, and its new value; nothing clears it."""

    attribute: str
    value: Any


@dataclass(frozen=True)
class MemberRegistered:
    """A member is there; a second time, an update of username, site, country and device."""

    username: Username
    site: str
    country: str
    webmaster: str | None
    campaign: str | None
    subs: tuple[str | None, ...]
    device: Device | None
    registered_at: datetime | None


@dataclass(frozen=True)
class MemberUpdated:
    """Account, mask, badge or profile have changed."""

    username: Username | None
    changes: tuple[Change, ...]


class DeviceSeen(NamedTuple):
    """The member came with a device."""

    device: Device


@dataclass(frozen=True)
class PrivacyChanged:
    """The member decided about privacy, also by a `gpc` signal (R62); held if the member is not there yet."""

    changes: tuple[Change, ...]


@dataclass(frozen=True)
class NothingChanged:
    """A signal without effect: `dnt` (R62)."""


class Purchased(NamedTuple):
    """Credits were bought; `amount` and `income` are minor units."""

    purchase_id: str
    credits: int
    amount: int
    currency: str
    income: int


@dataclass(frozen=True)
class Refunded:
    """A purchase was reversed, in full."""

    purchase_id: str
    reason: RefundReason


class Spent(NamedTuple):
    """Credits were spent with a model."""

    model: str
    feature: str
    credits: int


class Acted(NamedTuple):
    """The member did something with a model."""

    model: str
    action: Action | RelationAction


class TrafficCounted(NamedTuple):
    """A campaign's clicks in a quarter hour."""

    webmaster: str
    campaign: str
    slot: datetime
    clicks: int
    unique_clicks: int


@dataclass(frozen=True)
class ModelRegistered:
    """A model is there, or has a new name."""

    name: str


Content = (
    MemberRegistered
    | MemberUpdated
    | DeviceSeen
    | PrivacyChanged
    | NothingChanged
    | Purchased
    | Refunded
    | Spent
    | Acted
    | TrafficCounted
    | ModelRegistered
)
C_co = TypeVar("C_co", bound=Content, covariant=True)


class Event(NamedTuple, Generic[C_co]):
    """A checked event. Two events are one if their digests are equal."""

    digest: str
    subject: str
    """The platform's id of the member or model; empty where the type has none."""
    time: datetime
    stamp: str
    content: C_co
