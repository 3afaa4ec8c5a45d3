"""Finding a member by the platform's id, and holding on to the row while something about them changes."""

from dataclasses import dataclass

from sqlalchemy import Connection, exists, select

from partners.keyring import Digest, Keyring
from partners.tables.member import erased_member, member
from partners.vocabulary import Reason


class NoSuchMemberError(Exception):
    """Nobody with that id is open to the platform; `reason` says why, for the access log alone."""

    def __init__(self, reason: Reason, number: int | None = None) -> None:
        """Take the true reason, and the number where there is still a row."""
        super().__init__(reason)
        self.reason = reason
        self.number = number


@dataclass(frozen=True)
class FoundMember:
    """A member who has a row; `erased` once an erasure has begun."""

    number: int
    erased: bool

    def not_erased(self) -> int:
        """The number; raise `NoSuchMemberError` once an erasure has begun (R50)."""
        if self.erased:
            raise NoSuchMemberError(Reason.ERASED, self.number)
        return self.number


def find_member(connection: Connection, member_id: str, *, lock: bool = False) -> FoundMember | None:
    """Look a member up by the platform's id; `lock` holds the row until the transaction ends."""
    if "\x00" in member_id:  # PostgreSQL has no such text, so nobody has such an id.
        return None
    statement = select(member.c.number, member.c.erased).where(member.c.id == member_id)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else FoundMember(row.number, row.erased)


def require_member(connection: Connection, member_id: str, keyring: Keyring, *, lock: bool = False) -> FoundMember:
    """Look a member up who must have a row; raise `NoSuchMemberError`."""
    found = find_member(connection, member_id, lock=lock)
    if found is None:
        known = exists().where(erased_member.c.digest == keyring.digest(Digest.MEMBER, member_id))
        raise NoSuchMemberError(Reason.ERASED if connection.execute(select(known)).scalar_one() else Reason.UNKNOWN)
    return found
