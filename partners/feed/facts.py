"""What a batch brings that is new and never changes: the rows it appends, in the order of the events."""

from dataclasses import dataclass
from datetime import date, datetime

from partners.feed.member_state import MemberState
from partners.feed.model_state import ModelState
from partners.vocabulary import Action, LedgerType, RefundReason, RelationAction


@dataclass(frozen=True)
class Registration:
    """A referred member's registration, with the dimensions known when it was applied (R10)."""

    member: MemberState
    at: datetime
    webmaster: int
    campaign: int | None
    site: str
    country: str
    device_type: str | None
    counted: bool


@dataclass(frozen=True)
class LedgerEntry:
    """A purchase or its reversal (negative figures), with the dimensions known when it was applied (R10)."""

    purchase_id: str
    type: LedgerType
    member: MemberState | None
    owner_digest: bytes | None
    at: datetime
    credits: int
    amount: int
    currency: str
    income: int
    reason: RefundReason | None
    webmaster: int | None
    campaign: int | None
    site: str
    country: str
    device_type: str | None
    first: bool
    counted: bool
    booked_month: date


@dataclass(frozen=True)
class Acting:
    """Something a member did with a model."""

    model: ModelState
    member: MemberState
    at: datetime
    action: Action | RelationAction


@dataclass(frozen=True)
class Spending:
    """A line of a member's spending with a model."""

    model: ModelState
    member: MemberState
    at: datetime
    feature: str
    credits: int


Fact = Registration | LedgerEntry | Acting | Spending
