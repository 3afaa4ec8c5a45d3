"""Who has which username, and which former ones are blocked, while a batch is applied (R42)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from partners.feed.faults import Refused
from partners.usernames import blocked_until
from partners.vocabulary import FeedError


@dataclass(frozen=True)
class Holder:
    """Who has a username now."""

    id: str
    erased: bool


@dataclass(frozen=True)
class Former:
    """Until when a former username is blocked, and for everybody but whom; nobody once that member is erased."""

    blocked_until: datetime
    owner: str | None
    number: int | None = None
    """The owner's, as stored; the batch need not be about them."""


class Names:
    """Usernames by what is compared: those the batch speaks of, as they stand after the events applied so far."""

    def __init__(self, holders: Mapping[str, Holder], former: Mapping[str, Former], *, now: datetime) -> None:
        """Take what is stored about the usernames of the batch."""
        self._holders = dict(holders)
        self._former = dict(former)
        self._now = now
        self.touched: set[str] = set()
        """Whose entry among the former ones has to be written or deleted."""

    def require_free(self, key: str, member_id: str) -> None:
        """Refuse a username that is somebody else's or blocked; a member may return to a former one of their own."""
        holder = self._holders.get(key)
        if holder is not None and holder.id != member_id:
            if holder.erased:
                raise _retired()
            raise Refused(FeedError.USERNAME_TAKEN, "`username` belongs to another member")
        former = self._former.get(key)
        if former is not None and former.blocked_until > self._now and former.owner != member_id:
            raise _retired()

    def take(self, key: str, member_id: str) -> None:
        """Give a username that is free."""
        self._holders[key] = Holder(member_id, erased=False)
        if self._former.pop(key, None) is not None:
            self.touched.add(key)

    def give_up(self, key: str, member_id: str, changed_at: datetime) -> None:
        """Block the username that a member had until then."""
        self._holders.pop(key, None)
        self.retire(key, member_id, changed_at)

    def retire(self, key: str, member_id: str, changed_at: datetime) -> None:
        """Block a username that was the member's at some time, unless it is somebody's now.

        Whose a blocked one was does not change: else a change that came late would hand it over.
        """
        if key in self._holders:
            return
        until = blocked_until(changed_at)
        known = self._former.get(key)
        if known is None or known.blocked_until <= self._now:
            known = Former(until, member_id)
        if until > known.blocked_until:
            known = replace(known, blocked_until=until)
        if known != self._former.get(key):
            self._former[key] = known
            self.touched.add(key)

    def former(self, key: str) -> Former | None:
        """What is to be stored about a former username; nothing if it is none."""
        return self._former.get(key)


def _retired() -> Refused:
    return Refused(FeedError.USERNAME_RETIRED, "`username` was another member's and is blocked for one year")
