"""What a batch of the feed gives to tell recipients of data, and what of it is journalled as a member's own choice."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection

from partners.feed.attributes import PLACES
from partners.feed.member_state import MemberState, Written
from partners.feed.state import State
from partners.outbox import Concern
from partners.privacy import CHOICES, OPTING_OUT
from partners.rights.decisions import choice_change
from partners.rights.journal import Change
from partners.rights.telling import FACTS, after_change, before_change, concerns_of
from partners.vocabulary import Reason

_OF_MEMBER = frozenset({*FACTS, "username_key"})


def concerns_of_batch(connection: Connection, state: State) -> list[Concern]:
    """What has to be told of a batch that is about to be written: the same as if each event were one."""
    changed = {found.number: found for found in state.members.values() if found.number is not None and _may(found)}
    if not changed:
        return []
    before = before_change(connection, changed)
    return [each for number, found in changed.items() for each in _step_by_step(before[number], found)]


def _may(found: MemberState) -> bool:
    return any(map(_may_concern, found.written.values()))


def _may_concern(written: Written) -> bool:
    return not _OF_MEMBER.isdisjoint(written.of_member) or None in written.of_profile.values()


def _step_by_step(before: Mapping[str, Any], found: MemberState) -> Iterator[Concern]:
    for written in found.written.values():
        yield from concerns_of(before, written.of_member, written.of_profile)
        before = after_change(before, written.of_member, written.of_profile)


def choices_of_batch(state: State) -> list[Change]:
    """Every choice that a batch wrote, or holds for members to come (R41)."""
    written = [
        choice_change(found.id, attribute, _value(found, attribute), found.stamps[attribute])
        for found in state.members.values()
        for attribute in found.stamped & CHOICES.keys()
    ]
    held = [
        choice_change(id_, attribute, setting.value, setting.stamp)
        for id_ in state.held_changes
        for attribute, setting in state.held.get(id_, {}).items()
    ]
    return written + held


def opt_outs_of_batch(state: State) -> Iterator[tuple[Reason, list[int]]]:
    """Whom a batch that was written opted out, or whose consent it withdrew, as often as it did (contract §9)."""
    for attribute, reason in OPTING_OUT.items():
        times = Counter(
            found.number
            for found in state.members.values()
            if found.number is not None
            for written in found.written.values()
            if written.of_member.get(attribute) is False
        )
        while numbers := list(times):
            yield reason, numbers
            times -= Counter(numbers)


def _value(found: MemberState, attribute: str) -> object:
    place = PLACES[attribute]
    return (found.profile_changes if place.on_profile else found.changes)[place.column]
