"""Members' requests: enter them, read them, move them on, and carry out what they bind, in one transaction."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from partners.access_log.identifiers import new_id, public
from partners.keyring import Keyring
from partners.members import FoundMember, NoSuchMemberError, find_member, require_member
from partners.rights import due
from partners.rights.binding import Bond, bind, bond_of
from partners.rights.book import Book, MemberRequest
from partners.rights.decisions import request_change
from partners.rights.erasure import carry_out
from partners.rights.journal import Journal
from partners.rights.steps import SUPERVISORY_AUTHORITY, RightsConflictError, Step, take
from partners.rights.telling import tell_of_bond, tell_of_rectification
from partners.vocabulary import Reason, RequestAction, RequestStatus, RequestType, Via

REQUEST_PREFIX = "rrq_"
VERIFY = Step(RequestAction.VERIFY)


class NoSuchRequestError(Exception):
    """The member has no request of that id."""


@dataclass(frozen=True)
class Asked:
    """What a member asks for, as the platform passes it on."""

    type: RequestType
    received_at: datetime
    verified: bool = False
    via: Via = Via.MEMBER
    authorization: str | None = None
    reason: str | None = None
    purpose: str | None = None


@dataclass(frozen=True)
class Handled:
    """Where a request stands now, whom it is about while that is known, and the state it has just brought about."""

    request: MemberRequest
    member: int | None
    bound: Reason | None


@dataclass(frozen=True)
class Desk:
    """Where requests of one member are handled: everything happens in the connection's one transaction."""

    connection: Connection
    keyring: Keyring
    member_id: str
    journal: Journal
    """Where decisions outlive the restore of a backup (R41)."""

    @property
    def book(self) -> Book:
        """The member's entries."""
        return Book(self.connection, self.keyring, self.member_id)

    def enter(self, asked: Asked, *, now: datetime) -> Handled:
        """Enter a request, verified at once if so asked; raise `NoSuchMemberError` or `RightsConflictError`."""
        member = require_member(self.connection, self.member_id, self.keyring, lock=True)
        others = self.book.entries(lock=True)
        if asked.type is RequestType.KNOW:
            _require_know_available(others, asked.received_at)
        received = _received(asked, now)
        request = take(VERIFY, received, others, now) if asked.verified else received
        self.book.add(request)
        bound = self._follow(request, others, member, now=now) if asked.verified else None
        return Handled(request, member.number, bound)

    def read(self) -> tuple[tuple[MemberRequest, ...], int | None]:
        """Every request and the member's number; raise `NoSuchMemberError` where there is neither."""
        entries = self.book.entries()
        if not entries:
            return entries, require_member(self.connection, self.member_id, self.keyring).number
        member = find_member(self.connection, self.member_id)
        return entries, member.number if member else None

    def read_one(self, request_id: str) -> Handled:
        """One request; raise `NoSuchMemberError` or `NoSuchRequestError`."""
        entries, number = self.read()
        return Handled(_pick(entries, request_id), number, None)

    def move(self, request_id: str, step: Step, *, now: datetime) -> Handled:
        """Take a step with a request; raise as `read_one` does, or `RightsConflictError`."""
        # The member's row before the requests: whoever changes a member takes the locks in this order.
        member = find_member(self.connection, self.member_id, lock=True)
        entries = self.book.entries(lock=True)
        if not entries and member is None:
            raise NoSuchMemberError(Reason.UNKNOWN)
        before = _pick(entries, request_id)
        others = tuple(entry for entry in entries if entry.id != request_id)
        request = take(step, before, others, now)
        self.book.replace(request)
        moved = request.status is not before.status
        bound = self._follow(request, others, member, now=now) if member and moved else None
        return Handled(request, member.number if member else None, bound)

    def _follow(
        self, request: MemberRequest, others: tuple[MemberRequest, ...], member: FoundMember, *, now: datetime
    ) -> Reason | None:
        """Carry out what a change of status entails; return the state that it begins."""
        if request.type is RequestType.RECTIFICATION and request.status is RequestStatus.SETTLED:
            tell_of_rectification(self.connection, member.number, request.received_at, self.keyring)
        bond = bond_of(request.type)
        if bond is None:
            return None
        change = request_change(self.connection, request, member.number, self.keyring)
        if request.type is RequestType.ERASURE and request.status is RequestStatus.SETTLED:
            carry_out(self.connection, member.number, self.keyring, now)
        else:
            self._bind((request, *others), bond, member)
        self.journal.append(self.connection, [change])
        begins = request.type is bond.begins and request.status is RequestStatus.VERIFIED
        return bond.reason if begins else None

    def _bind(self, requests: tuple[MemberRequest, ...], bond: Bond, member: FoundMember) -> None:
        change = bind(self.connection, member.number, requests, bond)
        if change is not None:
            tell_of_bond(self.connection, member.number, bond, self.keyring, holds=change)


def _received(asked: Asked, now: datetime) -> MemberRequest:
    return MemberRequest(
        id=public(REQUEST_PREFIX, new_id(now)),
        type=asked.type,
        status=RequestStatus.RECEIVED,
        via=asked.via,
        authorization=asked.authorization,
        reason=asked.reason,
        purpose=asked.purpose,
        received_at=asked.received_at,
        due_at=due.due(asked.received_at),
    )


def _require_know_available(entries: tuple[MemberRequest, ...], received_at: datetime) -> None:
    asked = [
        entry.received_at
        for entry in entries
        if entry.type is RequestType.KNOW and entry.status is not RequestStatus.REFUSED
    ]
    available_from = due.know_available_from(asked, received_at)
    if available_from is not None:
        raise RightsConflictError(
            "know-limit",
            "This would be the third request to know in twelve months; `available_from` says when one is possible.",
            {"available_from": available_from, "supervisory_authority": SUPERVISORY_AUTHORITY},
        )


def _pick(entries: tuple[MemberRequest, ...], request_id: str) -> MemberRequest:
    for entry in entries:
        if entry.id == request_id:
            return entry
    raise NoSuchRequestError
