"""All that a batch touches, in memory: loaded once, changed event by event, written back once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from partners.feed.activity_state import (
    HeldSetting,
    PurchaseState,
    RelationState,
    SpendingState,
    TrafficState,
)
from partners.feed.facts import Acting, Fact, LedgerEntry, Registration, Spending
from partners.feed.faults import Refused
from partners.feed.member_state import MemberState
from partners.feed.model_state import ModelState
from partners.feed.names import Names
from partners.keyring import Keyring
from partners.vocabulary import FeedError


@dataclass
class State:
    """What is known of everything the batch names, and what it brings that is new."""

    now: datetime
    keyring: Keyring
    names: Names
    applied: set[str] = field(default_factory=set)
    """Digests of the events of the batch that are applied, before it or by it."""
    members: dict[str, MemberState] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    """Ids of members whose row is gone."""
    bound: dict[str, dict[str, bool]] = field(default_factory=dict)
    """What binds members who are not there yet, by column of `member` (R41)."""
    held: dict[str, dict[str, HeldSetting]] = field(default_factory=dict)
    held_changes: set[str] = field(default_factory=set)
    """Ids of those whose held settings have to be written or deleted."""
    webmasters: dict[str, int] = field(default_factory=dict)
    campaigns: dict[tuple[str, str], int] = field(default_factory=dict)
    models: dict[str, ModelState] = field(default_factory=dict)
    relations: dict[tuple[str, str], RelationState] = field(default_factory=dict)
    spending: dict[tuple[str, str, str], SpendingState] = field(default_factory=dict)
    purchases: dict[str, PurchaseState] = field(default_factory=dict)
    traffic: dict[tuple[int, datetime], TrafficState] = field(default_factory=dict)
    registrations: list[Registration] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)
    actions: list[Acting] = field(default_factory=list)
    spendings: list[Spending] = field(default_factory=list)
    newly_applied: list[str] = field(default_factory=list)
    """Digests of the events that the batch applied."""
    through: datetime | None = None
    """The newest time of any of them."""

    def facts(self) -> dict[type[Fact], Sequence[Fact]]:
        """What is new and only ever appended, by kind, in the order of the events."""
        return {
            Registration: self.registrations,
            LedgerEntry: self.ledger,
            Acting: self.actions,
            Spending: self.spendings,
        }

    def member(self, member_id: str) -> MemberState:
        """The member an event is about; refuse those who are erased or unknown."""
        found = self.members.get(member_id)
        if found is not None and not found.row["erased"]:
            return found
        self.refuse_erased(member_id)
        raise Refused(FeedError.UNKNOWN_MEMBER, "`subject` is no registered member")

    def refuse_erased(self, member_id: str) -> None:
        """Refuse an event about somebody who asked to be forgotten (R50)."""
        found = self.members.get(member_id)
        if member_id in self.erased or (found is not None and found.row["erased"]):
            raise Refused(FeedError.ERASED_MEMBER, "`subject` is erased")

    def model(self, model_id: str) -> ModelState:
        """A model that an event names."""
        found = self.models.get(model_id)
        if found is None:
            raise Refused(FeedError.UNKNOWN_MODEL, "`model` is no registered model")
        return found

    def relation(self, model: ModelState, member: MemberState) -> RelationState:
        """What the two have to do with each other; from now on something, if they had nothing yet (R66)."""
        key = (model.id, member.id)
        if key not in self.relations:
            self.relations[key] = RelationState(model, member, changed=True)
        return self.relations[key]

    def campaign(self, webmaster: str, code: str) -> int:
        """The number of a webmaster's campaign that an event names."""
        self.webmaster(webmaster)
        number = self.campaigns.get((webmaster, code))
        if number is None:
            raise Refused(FeedError.UNKNOWN_CAMPAIGN, "`campaign` is none of this webmaster's")
        return number

    def webmaster(self, webmaster: str) -> int:
        """The number of a webmaster that an event names."""
        number = self.webmasters.get(webmaster)
        if number is None:
            raise Refused(FeedError.UNKNOWN_PARTNER, "`webmaster` is no registered webmaster")
        return number
