"""Loading members: their rows, locked; who wrote what last; and what is held for those who are not there yet."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, func, select

from partners.feed.activity_state import HeldSetting
from partners.feed.member_state import MemberState
from partners.feed.parameters import among, as_values
from partners.feed.state import State
from partners.keyring import Digest
from partners.postgres.literals import text_literal
from partners.rights.binding import states_of
from partners.rights.book import Book
from partners.tables.member import erased_member, held_setting, member, member_stamp
from partners.tables.rights import rights_request

_READ = (
    member.c.number,
    member.c.id,
    member.c.username_key,
    member.c.registered_at,
    member.c.webmaster,
    member.c.campaign,
    member.c.site,
    member.c.country,
    member.c.device_type,
    func.nullif(member.c.device_seen_at, text_literal("infinity")).label("device_seen_at"),
    member.c.affiliate_sharing,
    member.c.service_consent,
    member.c.objecting,
    member.c.restricted,
    member.c.erased,
)
_NAMES = tuple(column.name for column in _READ)
# In one order, so that two who lock many never wait for each other; and against changes only: new rows may refer to
# a member meanwhile.
_MEMBERS = select(*_READ).where(among(member.c.id)).order_by(member.c.number).with_for_update(key_share=True)
_ERASED = select(erased_member.c.digest).where(among(erased_member.c.digest))
_BOUND = (
    select(rights_request.c.member_digest)
    .where(among(rights_request.c.member_digest), rights_request.c.bound_as.is_not(None))
    .distinct()
)
_STAMPS = select(member_stamp.c.member, member_stamp.c.attribute, member_stamp.c.stamp).where(
    among(member_stamp.c.member)
)
_HELD = select(held_setting.c.member_id, held_setting.c.attribute, held_setting.c.value, held_setting.c.stamp).where(
    among(held_setting.c.member_id)
)


def load_members(connection: Connection, state: State, ids: set[str]) -> None:
    """Lock and load members; of those without a row, find out who is erased."""
    if not ids:
        return
    for row in connection.execute(_MEMBERS, as_values(ids)).all():
        state.members[row.id] = MemberState(row.id, dict(zip(_NAMES, row, strict=True)), number=row.number)
    missing = {state.keyring.digest(Digest.MEMBER, id_): id_ for id_ in ids - state.members.keys()}
    if missing:
        # After the lock was waited for: an erasure that held it is seen here.
        found = connection.execute(_ERASED, as_values(missing)).scalars()
        state.erased = {missing[bytes(digest)] for digest in found}
        _load_bound(connection, state, missing)


def _load_bound(connection: Connection, state: State, missing: Mapping[bytes, str]) -> None:
    """What binds members who are not there: after a restore the book may know somebody whom the backup did not."""
    for digest in connection.execute(_BOUND, as_values(missing)).scalars():
        member_id = missing[bytes(digest)]
        states = states_of(Book(connection, state.keyring, member_id).entries())
        if states.pop(member.c.erased.name, False):
            state.erased.add(member_id)
        state.bound[member_id] = states


def load_stamps(connection: Connection, state: State, ids: Iterable[str]) -> None:
    """Load the last writers of the attributes of members."""
    by_number = {state.members[id_].number: state.members[id_] for id_ in ids if id_ in state.members}
    if by_number:
        for number, attribute, stamp in connection.execute(_STAMPS, as_values(by_number)).all():
            by_number[number].stamps[attribute] = stamp


def load_held(connection: Connection, state: State, ids: set[str]) -> None:
    """Load the settings held for those who are not registered."""
    absent = ids - state.members.keys()
    if absent:
        for row in connection.execute(_HELD, as_values(absent)).all():
            state.held.setdefault(row.member_id, {})[row.attribute] = HeldSetting(row.value, row.stamp)
