"""A member in memory while a batch is applied: who wrote what last, and what has to be written back."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from partners.feed.attributes import PLACES, REGISTRATION, SAID_BY_REGISTRATION
from partners.feed.events import Change
from partners.feed.totals import Totals
from partners.keyring import Keyring
from partners.sharing import Sharing


@dataclass(slots=True)
class Written:
    """What one event wrote of a member, by column of `member` and of `profile`."""

    of_member: dict[str, Any] = field(default_factory=dict)
    of_profile: dict[str, Any] = field(default_factory=dict)


class MemberState:
    """A member: the columns the feed reads, the stamps of attributes, and what has to be written."""

    __slots__ = ("changes", "id", "number", "profile_changes", "row", "stamped", "stamps", "totals", "written")

    def __init__(
        self, member_id: str, row: dict[str, Any], *, number: int | None, totals: Totals | None = None
    ) -> None:
        """Take what is stored, or the row of a new member, who has no number until it is written."""
        self.id = member_id
        self.number = number
        self.row = row
        self.totals = totals
        self.stamps: dict[str, str] = {}
        self.stamped: set[str] = set()
        """Attributes that were written by the batch."""
        self.changes: dict[str, Any] = {}
        self.profile_changes: dict[str, Any] = {}
        self.written: dict[str, Written] = {}
        """What each event of the batch wrote that may have to be told, by its stamp, in the order of the events."""

    @property
    def loaded_totals(self) -> Totals:
        """The totals; raise `LookupError` where they were not loaded."""
        if self.totals is None:
            raise LookupError("the totals of this member were not loaded")
        return self.totals

    def device_type_at(self, at: datetime) -> str | None:
        """The kind of device that is known at an instant: what has lapsed counts nowhere any more (R36)."""
        type_: str | None = self.row["device_type"]
        kept = type_ is not None and self.loaded_totals.clock.keeps(self.row["device_seen_at"], at=at)
        return type_ if kept else None

    def wins(self, attribute: str, stamp: str) -> bool:
        """Whether a write with this stamp would be the last."""
        return stamp > self.last(attribute)

    def last(self, attribute: str) -> str:
        """The stamp of an attribute's last write; empty before the first."""
        by_registration = self.stamps.get(REGISTRATION, "") if attribute in SAID_BY_REGISTRATION else ""
        return self.stamps.get(attribute, by_registration)

    def stamp(self, attribute: str, stamp: str) -> None:
        """Remember the last writer of an attribute."""
        self.stamps[attribute] = stamp
        self.stamped.add(attribute)

    def put(self, **columns: object) -> None:
        """Set columns of the member's row."""
        self.row |= columns
        self.changes |= columns

    def write(self, change: Change, stamp: str, keyring: Keyring) -> None:
        """Write an attribute of one column, unless a later write is known."""
        if not self.wins(change.attribute, stamp):
            return
        self.stamp(change.attribute, stamp)
        place = PLACES[change.attribute]
        value = _sealed(change.value, keyring) if place.sealed else change.value
        if place.on_profile:
            self.profile_changes[place.column] = value
            self.by_event(stamp).of_profile[place.column] = value
        else:
            self.put(**{place.column: value})
            self.by_event(stamp).of_member[place.column] = value

    def by_event(self, stamp: str) -> Written:
        """What the event with this stamp has written so far."""
        written = self.written.get(stamp)
        if written is None:
            written = self.written[stamp] = Written()
        return written

    def is_shared(self) -> bool:
        """Whether the member is shared with a webmaster now: the one who referred them, if anybody did."""
        sharing = Sharing(
            affiliate_sharing=self.row["affiliate_sharing"],
            service_consent=self.row["service_consent"],
            objecting=self.row["objecting"],
            restricted=self.row["restricted"],
            erased=self.row["erased"],
        )
        return self.row["webmaster"] is not None and sharing.holds()


def _sealed(value: str | None, keyring: Keyring) -> bytes | None:
    return None if value is None else keyring.seal(value.encode())
