"""Models, relations, spending, purchases and traffic in memory while a batch is applied."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from partners.feed.facts import LedgerEntry
from partners.feed.member_state import MemberState
from partners.feed.model_state import ModelState


@dataclass
class RelationState:
    """What a member has to do with a model."""

    model: ModelState
    member: MemberState
    favorite: bool = False
    favorite_stamp: str | None = None
    fan_club: bool = False
    fan_club_stamp: str | None = None
    gift_sent: bool = False
    privately_chatted: bool = False
    changed: bool = False


@dataclass
class SpendingState:
    """A member's spending with a model by one feature, added up."""

    model: ModelState
    member: MemberState
    feature: str
    count: int = 0
    credits: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    changed: bool = False

    def add(self, credits_: int, at: datetime) -> None:
        """Add a line."""
        self.count += 1
        self.credits += credits_
        self.first_at = min(self.first_at or at, at)
        self.last_at = max(self.last_at or at, at)
        self.changed = True


@dataclass
class PurchaseState:
    """A purchase in the ledger, and whether it was reversed."""

    entry: LedgerEntry
    owner: str | None
    """The id of the member; nothing once erased: then `owner_digest` tells."""
    owner_digest: bytes | None = None
    reversed: bool = False


@dataclass
class TrafficState:
    """The clicks of a campaign's quarter hour; `before` are those that were counted until this batch."""

    campaign: int
    slot: datetime
    clicks: int = 0
    unique_clicks: int = 0
    stamp: str = ""
    before: tuple[int, int] = (0, 0)
    changed: bool = False


@dataclass
class HeldSetting:
    """A privacy setting of somebody who is not registered yet."""

    value: Any
    stamp: str
