"""The book of members' requests: what one entry says, and how a member's entries are read and written."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from partners.keyring import Digest, Keyring
from partners.tables.rights import rights_request
from partners.vocabulary import RequestStatus, RequestType, Via

OPEN = frozenset({RequestStatus.RECEIVED, RequestStatus.VERIFIED})
SEALED = ("authorization", "reason", "purpose", "extension_reason", "refusal_reason")
"""Free texts, which may name the person: encrypted in the database, so that they outlive an erasure unread."""


@dataclass(frozen=True)
class MemberRequest:
    """One request of a member and where it stands."""

    id: str
    type: RequestType
    status: RequestStatus
    via: Via
    authorization: str | None
    reason: str | None
    purpose: str | None
    received_at: datetime
    due_at: datetime
    extension_reason: str | None = None
    refusal_reason: str | None = None
    verified_at: datetime | None = None
    bound_as: int | None = None
    """The order in which the member's requests came to bind, or were refused then; nothing for one that never did."""
    notified_at: datetime | None = None
    notified_as: int | None = None
    """After which of those in that order the member was told that a restriction would end."""
    extended_at: datetime | None = None
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it still waits for an answer."""
        return self.status in OPEN

    @property
    def binds(self) -> bool:
        """Whether what it asks for holds: from its verification on, unless it was refused."""
        return self.bound_as is not None and self.status is not RequestStatus.REFUSED


@dataclass(frozen=True)
class Book:
    """One member's entries, under a keyed hash of the platform's id: the book never holds the id itself."""

    connection: Connection
    keyring: Keyring
    member_id: str

    def entries(self, *, lock: bool = False) -> tuple[MemberRequest, ...]:
        """Every request, the last recorded first; `lock` holds them until the transaction ends."""
        entry = rights_request.c
        statement = select(rights_request).where(entry.member_digest == self._digest).order_by(entry.number.desc())
        rows = self.connection.execute(statement.with_for_update() if lock else statement)
        return tuple(self._read(row) for row in rows)

    def add(self, request: MemberRequest) -> None:
        """Enter a new request."""
        row = {"member_digest": self._digest, **self._columns(request)}
        self.connection.execute(rights_request.insert().values(row))

    def replace(self, request: MemberRequest) -> None:
        """Bring the entry of that id to where the request stands now."""
        self.connection.execute(
            rights_request.update().where(rights_request.c.id == request.id).values(self._columns(request))
        )

    @property
    def _digest(self) -> bytes:
        return self.keyring.digest(Digest.MEMBER, self.member_id)

    def _columns(self, request: MemberRequest) -> dict[str, Any]:
        values = {column.name: getattr(request, column.name) for column in fields(MemberRequest)}
        sealed = {name: self.keyring.seal(text.encode()) for name in SEALED if (text := values[name]) is not None}
        return values | sealed

    def _read(self, row: Row[Any]) -> MemberRequest:
        values = {column.name: getattr(row, column.name) for column in fields(MemberRequest)}
        opened = {name: self.keyring.unseal(text).decode() for name in SEALED if (text := values[name]) is not None}
        kinds = {"type": RequestType(row.type), "status": RequestStatus(row.status), "via": Via(row.via)}
        return MemberRequest(**values | opened | kinds)
