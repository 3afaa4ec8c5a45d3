"""Writing members: new rows, changed attributes, their stamps, totals, and what is held for those to come."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, FromClause, Text, case, cast, delete, func, update
from sqlalchemy.dialects.postgresql import JSONB

from partners.feed.member_state import MemberState
from partners.feed.parameters import among, as_rows, as_values, rows_of
from partners.feed.state import State
from partners.feed.writing.sets import change_rows, insert_rows, upsert_rows
from partners.postgres.literals import text_literal
from partners.privacy import SETTINGS
from partners.tables.member import held_setting, member, member_stamp, profile, purchase_total
from partners.vocabulary import SUBS, ProfileItem

_USERNAME = ("username", "username_key", "username_harmless")
_DEVICE = ("device_type", "device_os", "device_browser", "device_seen_at")
_REFERRAL = ("webmaster", "campaign", *SUBS)
_BOUND = ("objecting", "restricted")
_OF_NEW_ROW = ("id", *_USERNAME, "site", "country", "registered_at", *_REFERRAL, *_DEVICE)
_CHANGEABLE = (*_USERNAME, "site", "country", "mask", "regular_payer", *_DEVICE, *SETTINGS, *_BOUND)

_INSERT = insert_rows(member, _OF_NEW_ROW).returning(member.c.id, member.c.number)
_CHANGE = change_rows(member, "number", _CHANGEABLE)
# No username has a slash.
_LET_GO = (
    update(member)
    .where(among(member.c.number))
    .values(username_key=text_literal("/").concat(cast(member.c.number, Text)))
)
_NEW_PROFILES = insert_rows(profile, ["member"])


def _present_since(changed: FromClause) -> dict[str, ColumnElement[Any]]:
    """Since when there is each item: of one that was not there before, since now."""
    told: list[ColumnElement[Any]] = []
    for item in ProfileItem:
        before = (profile.c[item].is_(None), func.to_jsonb(func.clock_timestamp()))
        there = case(before, else_=profile.c.present_since.op("->")(text_literal(item)))
        told += [text_literal(item), case((changed.c[item].is_not(None), there))]
    return {"present_since": func.jsonb_strip_nulls(func.jsonb_build_object(*told))}


_CHANGE_PROFILES = change_rows(
    profile, "member", [*ProfileItem, *(f"{item}_visibility" for item in ProfileItem)], _present_since
)
_RENEWED = rows_of(member=BigInteger(), since=JSONB())
_RENEW = (
    update(profile)
    .where(profile.c.member == _RENEWED.c.member)
    .values(present_since=profile.c.present_since.concat(_RENEWED.c.since))
)
_TOTALS = upsert_rows(
    purchase_total,
    ["member"],
    ["count", "credits", "first_at", "last_at", "amounts", "usage_clock_at", "usage_kept_from"],
)
_STAMPS = upsert_rows(member_stamp, ["member", "attribute"], ["stamp"])
_HELD = upsert_rows(held_setting, ["member_id", "attribute"], ["value", "stamp", "held_since"])
_RELEASED = delete(held_setting).where(among(held_setting.c.member_id))


def write_members(connection: Connection, state: State) -> None:
    """Insert new members and change known ones.

    Usernames may have passed from one to another: all that change hands are let go first, so that none is held twice
    at any moment.
    """
    known = [found for found in state.members.values() if found.number is not None]
    new = {found.id: found for found in state.members.values() if found.number is None}
    let_go = [found.number for found in known if "username_key" in found.changes]
    if let_go:
        connection.execute(_LET_GO, as_values(let_go))
    if new:
        rows = [{name: found.row[name] for name in _OF_NEW_ROW} for found in new.values()]
        for row in connection.execute(_INSERT, as_rows(rows)).all():
            new[row.id].number = row.number
        connection.execute(_NEW_PROFILES, as_rows([{"member": found.number} for found in new.values()]))
    changed = [{"number": found.number, "changes": found.changes} for found in known if found.changes]
    for found in new.values():
        more = {name: value for name, value in found.changes.items() if name not in _OF_NEW_ROW}
        if more:
            changed.append({"number": found.number, "changes": more})
    if changed:
        connection.execute(_CHANGE, as_rows(changed))


def write_profiles(connection: Connection, state: State) -> None:
    """Change profiles; an item that was removed on the way is there since now."""
    rows = [
        {"member": found.number, "changes": found.profile_changes}
        for found in state.members.values()
        if found.profile_changes
    ]
    if rows:
        connection.execute(_CHANGE_PROFILES, as_rows(rows))
    renewed = [
        {"member": found.number, "since": dict.fromkeys(items, datetime.now(UTC))}
        for found in state.members.values()
        if (items := _renewed(found))
    ]
    if renewed:
        connection.execute(_RENEW, as_rows(renewed))


def _renewed(found: MemberState) -> list[str]:
    removed = {
        item for written in found.written.values() for item, value in written.of_profile.items() if value is None
    }
    return [item.value for item in ProfileItem if item in removed and found.profile_changes[item] is not None]


def write_totals(connection: Connection, state: State) -> None:
    """Write totals and usage clocks."""
    rows = [
        {
            "member": found.number,
            "count": totals.sum.count,
            "credits": totals.sum.credits,
            "first_at": totals.sum.first_at,
            "last_at": totals.sum.last_at,
            "amounts": totals.sum.amounts,
            "usage_clock_at": totals.clock.at,
            "usage_kept_from": totals.clock.kept_from or "-infinity",
        }
        for found in state.members.values()
        if (totals := found.totals) is not None and totals.changed
    ]
    if rows:
        connection.execute(_TOTALS, as_rows(rows))


def write_stamps(connection: Connection, state: State) -> None:
    """Write who wrote what last."""
    rows = [
        {"member": found.number, "attribute": attribute, "stamp": found.stamps[attribute]}
        for found in state.members.values()
        for attribute in found.stamped
    ]
    if rows:
        connection.execute(_STAMPS, as_rows(rows))


def write_held(connection: Connection, state: State) -> None:
    """Write settings of those to come; delete those of who has come."""
    come = [id_ for id_ in state.held_changes if id_ in state.members]
    if come:
        connection.execute(_RELEASED, as_values(come))
    rows = [
        {
            "member_id": id_,
            "attribute": attribute,
            "value": setting.value,
            "stamp": setting.stamp,
            "held_since": state.now,
        }
        for id_ in state.held_changes
        for attribute, setting in state.held.get(id_, {}).items()
    ]
    if rows:
        connection.execute(_HELD, as_rows(rows))
