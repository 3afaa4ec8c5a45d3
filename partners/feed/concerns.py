"""What a batch of the feed gives to tell recipients of data, and what of it is journalled as a member's own choice."""

from collections.abc import Iterator

from sqlalchemy import Connection

from partners.feed.attributes import PLACES
from partners.feed.member_state import MemberState
from partners.feed.state import State
from partners.outbox import write_concerns
from partners.privacy import OPTING_OUT
from partners.rights.decisions import CHOICES, choice_change
from partners.rights.journal import Change
from partners.rights.telling import FACTS, before_change, concerns_of
from partners.vocabulary import Reason

_OF_MEMBER = frozenset({*FACTS, "username_key"})


def tell_of_batch(connection: Connection, state: State) -> None:
    """Put down what has to be told of a batch that is about to be written."""
    changed = {found.number: found for found in state.members.values() if found.number is not None and _may(found)}
    if changed:
        before = before_change(connection, changed)
        concerns = [
            each
            for number, found in changed.items()
            for each in concerns_of(before[number], found.changes, found.profile_changes)
        ]
        write_concerns(connection, concerns, state.keyring)


def _may(found: MemberState) -> bool:
    return not _OF_MEMBER.isdisjoint(found.changes) or None in found.profile_changes.values()


def choices_of_batch(state: State) -> list[Change]:
    """Every choice that a batch wrote, or holds for members to come (R41)."""
    written = [
        choice_change(found.id, attribute, _value(found, attribute), found.stamps[attribute])
        for found in state.members.values()
        for attribute in found.stamped & CHOICES
    ]
    held = [
        choice_change(id_, attribute, setting.value, setting.stamp)
        for id_ in state.held_changes
        for attribute, setting in state.held.get(id_, {}).items()
    ]
    return written + held


def opt_outs_of_batch(state: State) -> Iterator[tuple[Reason, list[int]]]:
    """Whom a batch that was written opted out, or whose consent it withdrew (contract §9)."""
    for attribute, reason in OPTING_OUT.items():
        stamped = (found for found in state.members.values() if attribute in found.stamped)
        numbers = [found.number for found in stamped if _value(found, attribute) is False and found.number is not None]
        if numbers:
            yield reason, numbers


def _value(found: MemberState, attribute: str) -> object:
    place = PLACES[attribute]
    return (found.profile_changes if place.on_profile else found.changes)[place.column]
