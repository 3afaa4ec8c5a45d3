"""What the events of a batch name: the ids and keys for which the state is loaded."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TypeVar, cast

from partners.feed.events import (
    Acted,
    Content,
    DeviceSeen,
    Event,
    MemberRegistered,
    MemberUpdated,
    ModelRegistered,
    PrivacyChanged,
    Purchased,
    Refunded,
    Spent,
    TrafficCounted,
)

C = TypeVar("C", bound=Content)
STAMPED = (MemberRegistered, MemberUpdated, DeviceSeen, PrivacyChanged)
NOT_ABOUT_MEMBERS = (ModelRegistered, TrafficCounted)


class Touched:
    """The events by kind of content."""

    def __init__(self, events: Iterable[Event[Content]]) -> None:
        """Sort the events by kind; within a kind they keep their order."""
        self._events: dict[type, list[Event[Content]]] = defaultdict(list)
        for event in events:
            self._events[type(event.content)].append(event)

    def of(self, kind: type[C]) -> list[Event[C]]:
        """The events of one kind."""
        return cast("list[Event[C]]", self._events[kind])

    def members(self) -> set[str]:
        """Ids of the members that events are about."""
        return self._subjects(kind for kind in self._events if kind not in NOT_ABOUT_MEMBERS)

    def stamped_members(self) -> set[str]:
        """Ids of the members whose attributes may be written."""
        return self._subjects(STAMPED)

    def buyers(self) -> set[str]:
        """Ids of the members whose totals may change."""
        return self._subjects((Purchased, Refunded))

    def holders(self) -> set[str]:
        """Ids of those for whom settings may be or have been held."""
        return self._subjects((MemberRegistered, PrivacyChanged))

    def usernames(self) -> set[str]:
        """Usernames that events give, as they are compared."""
        given = {event.content.username.key for event in self.of(MemberRegistered)}
        changed = {event.content.username.key for event in self.of(MemberUpdated) if event.content.username}
        return given | changed

    def purchases(self) -> set[str]:
        """Ids of purchases that are made or reversed."""
        made = {event.content.purchase_id for event in self.of(Purchased)}
        return made | {event.content.purchase_id for event in self.of(Refunded)}

    def purchase_times(self) -> Iterator[tuple[str, datetime]]:
        """Who buys when, in the order of the events."""
        return ((event.subject, event.time) for event in self.of(Purchased))

    def models(self) -> set[str]:
        """Ids of models."""
        return self._subjects((ModelRegistered,)) | {model for model, _ in self.pairs()}

    def pairs(self) -> set[tuple[str, str]]:
        """Models with the members who have to do with them."""
        acted = {(event.content.model, event.subject) for event in self.of(Acted)}
        return acted | self.spending_pairs()

    def spending_pairs(self) -> set[tuple[str, str]]:
        """Models with the members who spend with them."""
        return {(event.content.model, event.subject) for event in self.of(Spent)}

    def webmasters(self) -> set[str]:
        """Ids of webmasters."""
        referring = {event.content.webmaster for event in self.of(MemberRegistered) if event.content.webmaster}
        return referring | {event.content.webmaster for event in self.of(TrafficCounted)}

    def campaigns(self) -> set[tuple[str, str]]:
        """Webmasters with codes of campaigns."""
        referring = {
            (content.webmaster, content.campaign)
            for content in (event.content for event in self.of(MemberRegistered))
            if content.webmaster and content.campaign
        }
        return referring | {(webmaster, code) for webmaster, code, _ in self.quarters()}

    def quarters(self) -> set[tuple[str, str, datetime]]:
        """Webmasters with codes of campaigns and quarter hours with traffic."""
        return {
            (content.webmaster, content.campaign, content.slot)
            for content in (event.content for event in self.of(TrafficCounted))
        }

    def _subjects(self, kinds: Iterable[type[Content]]) -> set[str]:
        return {event.subject for kind in kinds for event in self._events.get(kind, [])}
