"""What members' requests bind from their verification on: restriction, objection, erasure, and their opposites."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, Connection, FromClause, and_, exists, or_, update

from partners.rights.book import MemberRequest
from partners.tables.member import erased_member, member
from partners.tables.rights import rights_request
from partners.vocabulary import Reason, RequestStatus, RequestType


@dataclass(frozen=True)
class Bond:
    """A state of a member: the request that brings it about, the one that ends it, and the reason it gives."""

    state: Column[bool]
    begins: RequestType
    ends: RequestType | None
    reason: Reason

    def family(self) -> frozenset[RequestType]:
        """The types of request that decide about this state."""
        return frozenset({self.begins} if self.ends is None else {self.begins, self.ends})


BONDS = (
    Bond(member.c.restricted, RequestType.RESTRICTION, RequestType.LIFT_RESTRICTION, Reason.RESTRICTED),  # R54
    Bond(member.c.objecting, RequestType.OBJECTION, RequestType.WITHDRAW_OBJECTION, Reason.OBJECTION),  # R52
    Bond(member.c.erased, RequestType.ERASURE, None, Reason.ERASED),  # R50
)


def bond_of(kind: RequestType) -> Bond | None:
    """The state that requests of this type decide about, if they decide about one."""
    return next((bond for bond in BONDS if kind in bond.family()), None)


def decisive(requests: Iterable[MemberRequest], bond: Bond) -> MemberRequest | None:
    """The request that decides: of those that bind, the one verified last. A refused one binds no more."""
    binding = [request for request in requests if request.binds and request.type in bond.family()]
    return max(binding, key=lambda request: request.bound_as or 0, default=None)


def holds(requests: Iterable[MemberRequest], bond: Bond) -> bool:
    """Whether requests bring a state about."""
    last = decisive(requests, bond)
    return last is not None and last.type is bond.begins


def states_of(requests: Iterable[MemberRequest]) -> dict[str, bool]:
    """The states that requests bring about, by column of `member`; those that do not hold are left out."""
    every = tuple(requests)
    return {str(bond.state.name): True for bond in BONDS if holds(every, bond)}


def still_decides() -> ColumnElement[bool]:
    """Whether without this row of `rights_request` a state of a member who is not erased would be another one."""
    erased = exists().where(erased_member.c.digest == rights_request.c.member_digest)
    return and_(or_(*(_decides(bond) for bond in BONDS if bond.ends)), ~erased)


def _decides(bond: Bond) -> ColumnElement[bool]:
    """One that began the state and is the last, or that ended what an earlier one would begin again."""
    row, other = rights_request, rights_request.alias()
    others = exists().where(other.c.member_digest == row.c.member_digest, other.c.id != row.c.id, _binding(other, bond))
    later = others.where(other.c.bound_as > row.c.bound_as)
    return and_(_binding(row, bond), ~later, or_(row.c.type == bond.begins, others))


def _binding(request: FromClause, bond: Bond) -> ColumnElement[bool]:
    return and_(
        request.c.type.in_(bond.family()),
        request.c.bound_as.is_not(None),
        request.c.status != RequestStatus.REFUSED,
    )


def bind(connection: Connection, member_number: int, requests: Iterable[MemberRequest], bond: Bond) -> bool | None:
    """Bring the member's state to what the requests say; the next read of any partner sees it.

    Return the new state where it has changed.
    """
    new = holds(requests, bond)
    changing = (member.c.number == member_number) & (bond.state != new)
    changed = connection.execute(update(member).where(changing).values({bond.state: new})).rowcount
    return new if changed else None
