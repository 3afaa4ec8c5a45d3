"""Applying what is said about members themselves: account, device, profile and privacy."""

from datetime import datetime
from typing import Any

from partners import stamps
from partners.devices import Device
from partners.feed.activity_state import HeldSetting
from partners.feed.attributes import DEVICE, REGISTRATION, USERNAME
from partners.feed.events import (
    Change,
    DeviceSeen,
    Event,
    MemberRegistered,
    MemberUpdated,
    NothingChanged,
    PrivacyChanged,
    Username,
)
from partners.feed.facts import Registration
from partners.feed.faults import Refused
from partners.feed.member_state import MemberState
from partners.feed.state import State
from partners.feed.totals import new_totals
from partners.usernames import harmless, stands_in_paths
from partners.vocabulary import SUBS, FeedError


def register(state: State, event: Event[MemberRegistered]) -> None:
    """Add a member; one who is there already is updated instead, and referral and registration stay (contract §9)."""
    content = event.content
    state.refuse_erased(event.subject)
    webmaster = state.webmaster(content.webmaster) if content.webmaster else None
    campaign = state.campaign(content.webmaster, content.campaign) if content.webmaster and content.campaign else None
    member = state.members.get(event.subject)
    if member is None:
        _add(state, event, webmaster, campaign)
        return
    _rename(state, member, content.username, event)
    for change in (Change("site", content.site), Change("country", content.country)):
        member.write(change, event.stamp, state.keyring)
    if content.device is not None:
        _see(member, content.device, event.time, event.stamp)


def update(state: State, event: Event[MemberUpdated]) -> None:
    """Change what the event names, each attribute unless a later write of it is known."""
    member = state.member(event.subject)
    if event.content.username is not None:
        _rename(state, member, event.content.username, event)
    for change in event.content.changes:
        member.write(change, event.stamp, state.keyring)


def see_device(state: State, event: Event[DeviceSeen]) -> None:
    """Remember the newest device."""
    _see(state.member(event.subject), event.content.device, event.time, event.stamp)


def change_privacy(state: State, event: Event[PrivacyChanged]) -> None:
    """Change settings, or hold them until the member registers."""
    member = state.members.get(event.subject)
    state.refuse_erased(event.subject)
    for change in event.content.changes:
        if member is not None:
            member.write(change, event.stamp, state.keyring)
        else:
            _hold(state, event.subject, change, event.stamp)


def change_nothing(state: State, event: Event[NothingChanged]) -> None:
    """Accept a signal without effect, of a member there is."""
    state.member(event.subject)


def _add(state: State, event: Event[MemberRegistered], webmaster: int | None, campaign: int | None) -> None:
    content = event.content
    if not stands_in_paths(event.subject):
        detail = "`subject` must have no `/` and be neither `.` nor `..`: no path could name the member"
        raise Refused(FeedError.INVALID_EVENT, detail)
    state.names.require_free(content.username.key, event.subject)
    state.names.take(content.username.key, event.subject)
    registered_at = content.registered_at or event.time
    row: dict[str, Any] = {
        "id": event.subject,
        **_columns_of(content.username),
        "site": content.site,
        "country": content.country,
        "registered_at": registered_at,
        "webmaster": webmaster,
        "campaign": campaign,
        **dict(zip(SUBS, content.subs, strict=True)),
        **_UNSEEN_DEVICE,
        **_UNDECIDED,
    }
    member = MemberState(event.subject, row, number=None, totals=new_totals(registered_at))
    member.stamp(REGISTRATION, event.stamp)
    member.put(**state.bound.get(member.id, {}))
    if content.device is not None:
        _see(member, content.device, event.time, event.stamp)
    state.members[member.id] = member
    _settle(state, member, event.time)


_UNSEEN_DEVICE = {"device_type": None, "device_os": None, "device_browser": None, "device_seen_at": "infinity"}
_UNDECIDED = {
    "affiliate_sharing": True,
    "service_consent": True,
    "objecting": False,
    "restricted": False,
    "erased": False,
}
"""What new rows have by default and sharing depends on."""


def _settle(state: State, member: MemberState, at: datetime) -> None:
    """Apply what was decided before the registration, which was told at an instant, and count it accordingly."""
    held = state.held.pop(member.id, {})
    for attribute, setting in held.items():
        member.write(Change(attribute, setting.value), setting.stamp, state.keyring)
    if held:
        state.held_changes.add(member.id)
    row = member.row
    if row["webmaster"] is not None:
        dimensions = {name: row[name] for name in ("webmaster", "campaign", "site", "country")}
        device_type, counted = member.device_type_at(at), member.is_shared()
        state.registrations.append(
            Registration(member, row["registered_at"], **dimensions, device_type=device_type, counted=counted)
        )


def _rename(state: State, member: MemberState, name: Username, event: Event[MemberRegistered | MemberUpdated]) -> None:
    if not member.wins(USERNAME, event.stamp):
        # The member had this name at some time: it is a former one, given up when the present one was taken.
        state.names.retire(name.key, member.id, stamps.time_of(member.last(USERNAME)))
        return
    current = member.row["username_key"]
    if name.key != current:
        state.names.require_free(name.key, member.id)
        state.names.take(name.key, member.id)
        state.names.give_up(current, member.id, event.time)
    member.stamp(USERNAME, event.stamp)
    columns = _columns_of(name)
    member.put(**columns)
    member.by_event(event.stamp).of_member.update(columns)


def _columns_of(name: Username) -> dict[str, Any]:
    return {"username": name.text, "username_key": name.key, "username_harmless": harmless(name.text)}


def _see(member: MemberState, device: Device, at: datetime, stamp: str) -> None:
    if member.wins(DEVICE, stamp):
        member.stamp(DEVICE, stamp)
        member.put(device_type=device.type, device_os=device.os, device_browser=device.browser, device_seen_at=at)


def _hold(state: State, member_id: str, change: Change, stamp: str) -> None:
    held = state.held.setdefault(member_id, {})
    known = held.get(change.attribute)
    if known is None or stamp > known.stamp:
        held[change.attribute] = HeldSetting(change.value, stamp)
        state.held_changes.add(member_id)
