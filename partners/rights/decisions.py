"""What members decided, as the journal holds it, and how it is applied again to a database that was set back (R41)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Connection, DateTime, LargeBinary, delete, exists, select, union, update
from sqlalchemy.dialects.postgresql import insert

from partners.keyring import Digest, Keyring
from partners.outbox import write_concerns
from partners.privacy import CHOICES, OPTING_OUT
from partners.rights.binding import BONDS, bind
from partners.rights.book import OPEN, Book, MemberRequest
from partners.rights.erasure import block_username, carry_out, remember_as_erased
from partners.rights.journal import Change
from partners.rights.telling import before_change, concerns_of, tell_of_bond
from partners.tables.member import erased_member, held_setting, member, member_stamp, profile
from partners.tables.rights import rights_request
from partners.vocabulary import Reason, RequestStatus, RequestType

_ERASING = frozenset({RequestStatus.VERIFIED, RequestStatus.SETTLED})
_STORED = [column for column in rights_request.c if column.name != "number"]


@dataclass
class Replayed:
    """What was applied again."""

    entries: int = 0
    erasures: int = 0
    choices: int = 0
    requests: int = 0


def request_change(connection: Connection, request: MemberRequest, member_number: int, keyring: Keyring) -> Change:
    """A request of a member as it stands now; free texts are sealed in it, member and username are keyed hashes."""
    row = connection.execute(select(*_STORED).where(rights_request.c.id == request.id)).mappings().one()
    key = connection.execute(select(member.c.username_key).where(member.c.number == member_number)).scalar_one()
    told = {str(name): _plain(value) for name, value in row.items()}
    return {"request": told, "username": keyring.digest(Digest.USERNAME, key).hex()}


def choice_changes(connection: Connection, member_number: int, attributes: Collection[str]) -> list[Change]:
    """Choices of a member as they stand now."""
    stamps = select(member_stamp.c.attribute, member_stamp.c.stamp).where(
        member_stamp.c.member == member_number, member_stamp.c.attribute.in_(attributes)
    )
    wanted = [CHOICES[name].label(name) for name in attributes]
    whole = select(member.c.id, *wanted).join_from(member, profile).where(member.c.number == member_number)
    row = connection.execute(whole).mappings().one()
    return [
        choice_change(row["id"], each.attribute, row[each.attribute], each.stamp) for each in connection.execute(stamps)
    ]


def choice_change(member_id: str, attribute: str, value: object, stamp: str) -> Change:
    """One choice of a member, who need not be registered yet."""
    return {"member": member_id, "attribute": attribute, "value": value, "stamp": stamp}


def members_by_digest(
    connection: Connection, keyring: Keyring, wanted: Collection[str], *, choosing: Collection[str] = ()
) -> Mapping[str, str]:
    """Find the ids of members by the hex of their keyed hashes; whoever is not there is left out.

    Known are those who are registered, whose settings are held until they are, and who chose something (`choosing`).
    """
    if not wanted:
        return {}
    stored = union(select(member.c.id), select(held_setting.c.member_id)).execution_options(stream_results=True)
    every = chain(choosing, connection.execute(stored).scalars())
    digests = ((keyring.digest(Digest.MEMBER, id_).hex(), id_) for id_ in every)
    return {digest: id_ for digest, id_ in digests if digest in wanted}


@dataclass(frozen=True)
class Replay:
    """Applies changes again, in a transaction of the caller's."""

    connection: Connection
    keyring: Keyring
    ids: Mapping[str, str]
    """Members by the hex of their keyed hash."""
    done: Replayed
    now: datetime
    touched: set[int] = field(default_factory=set)
    """Members by number."""
    begun: dict[Reason, set[int]] = field(default_factory=dict)
    """Those from whom something is withheld again, by the reason."""

    def apply(self, change: Change) -> None:
        """Apply one change, unless the database knows a later one."""
        if "request" in change:
            self._request(change["request"], change.get("username"))
        else:
            self._choice(change)

    def _request(self, told: Mapping[str, Any], username: str | None) -> None:
        # Entries of an earlier version lack columns that there were not yet.
        row = {column.name: _stored(column.type, told.get(column.name)) for column in _STORED}
        if "notified_as" not in told and row["notified_at"] is not None:
            row["notified_as"] = row["bound_as"]
        known = select(rights_request.c.status).where(rights_request.c.id == row["id"]).with_for_update()
        status = self.connection.scalar(known)
        if status is not None and RequestStatus(status) not in OPEN:
            return
        entered = insert(rights_request).values(row)
        self.connection.execute(entered.on_conflict_do_update(index_elements=["id"], set_=row))
        self.done.requests += 1
        self._bind(row)
        if row["type"] == RequestType.ERASURE and row["status"] in _ERASING and username is not None:
            self._block(bytes.fromhex(username), row)

    def _block(self, username: bytes, row: Mapping[str, Any]) -> None:
        """Block the last username of somebody who is erased, or will be: the database may know an earlier one alone.

        Before it is settled the erasure may be refused: until then the name stays the member's own.
        """
        member_id = self.ids.get(row["member_digest"].hex())
        asked = select(*member.c["number", "username_key"]).where(member.c.id == member_id)
        found = self.connection.execute(asked).one_or_none()
        if row["status"] == RequestStatus.SETTLED:
            block_username(self.connection, username, self.now)
        elif found is not None and self.keyring.digest(Digest.USERNAME, found.username_key) != username:
            block_username(self.connection, username, self.now, owner=found.number)

    def _bind(self, row: Mapping[str, Any]) -> None:
        erases = (row["type"], row["status"]) == (RequestType.ERASURE, RequestStatus.SETTLED)
        member_id = self.ids.get(row["member_digest"].hex())
        number = self.connection.scalar(select(member.c.number).where(member.c.id == member_id).with_for_update())
        if number is None:
            if erases:  # Whoever registers them again is refused.
                remember_as_erased(self.connection, row["member_digest"], self.now)
                self.connection.execute(delete(held_setting).where(held_setting.c.member_id == member_id))
            return
        requests = Book(self.connection, self.keyring, member_id or "").entries()
        for bond in BONDS:
            holds = bind(self.connection, number, requests, bond)
            if holds is not None:
                tell_of_bond(self.connection, number, bond, self.keyring, holds=holds)
                self.touched.add(number)
            if holds:
                self._begin(bond.reason, number)
        if erases:
            self.touched.add(number)
            carry_out(self.connection, number, self.keyring, self.now)
            self.done.erasures += 1

    def _choice(self, told: Mapping[str, Any]) -> None:
        attribute, column = told["attribute"], CHOICES[told["attribute"]]
        number = self.connection.scalar(select(member.c.number).where(member.c.id == told["member"]).with_for_update())
        if number is None:
            self._hold(told)
            return
        stamp = insert(member_stamp).values(member=number, attribute=attribute, stamp=told["stamp"])
        later = member_stamp.c.stamp < stamp.excluded.stamp
        written = stamp.on_conflict_do_update(
            index_elements=["member", "attribute"], set_={"stamp": stamp.excluded.stamp}, where=later
        )
        if self.connection.execute(written.returning(member_stamp.c.member)).first() is not None:
            new = {column.name: told["value"]}
            if column.table is member:
                before = before_change(self.connection, [number])[number]
                write_concerns(self.connection, [*concerns_of(before, new, {})], self.keyring)
            table, key = (profile, profile.c.member) if column.table is profile else (member, member.c.number)
            self.connection.execute(update(table).where(key == number).values(new))
            self.done.choices += 1
            self.touched.add(number)
            if told["value"] is False and attribute in OPTING_OUT:
                self._begin(OPTING_OUT[attribute], number)

    def _begin(self, reason: Reason, number: int) -> None:
        self.begun.setdefault(reason, set()).add(number)

    def _hold(self, told: Mapping[str, Any]) -> None:
        """For a member whom the database does not know: the platform will send the registration again."""
        digest = self.keyring.digest(Digest.MEMBER, told["member"])
        if self.connection.scalar(select(exists().where(erased_member.c.digest == digest))):
            return
        kept = {name: told[name] for name in ("attribute", "value", "stamp")}
        row = {"member_id": told["member"], "held_since": self.now, **kept}
        held = insert(held_setting).values(row)
        later = held_setting.c.stamp < held.excluded.stamp
        changed = {"value": held.excluded.value, "stamp": held.excluded.stamp, "held_since": held.excluded.held_since}
        self.connection.execute(
            held.on_conflict_do_update(index_elements=["member_id", "attribute"], set_=changed, where=later)
        )
        self.done.choices += 1


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, datetime) else value


def _stored(type_: object, value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    if isinstance(type_, LargeBinary) and value is not None:
        return bytes.fromhex(value)
    return datetime.fromisoformat(value) if isinstance(type_, DateTime) and value is not None else value
