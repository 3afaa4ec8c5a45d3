"""Searching the access log: by who, what, whom, when and why, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    DateTime,
    Row,
    Select,
    Uuid,
    and_,
    bindparam,
    cast,
    column,
    func,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects.postgresql import INET

from partners.access_log.identifiers import Place, instant_of
from partners.access_log.subjects import accesses_about, members_where
from partners.postgres.partitions import PARTITIONED
from partners.references import References
from partners.tables.access import NETWORK_OF_THE_RECORD, access_log, access_network
from partners.tables.member import member
from partners.tables.partner import partner
from partners.tables.sealing import sealed_leaf

MEMBERS_SHOWN = 100
LONGEST_REQUEST = timedelta(hours=24)
"""How long after a request began its last record may follow: an export writes one at its end."""

_AT = DateTime(timezone=True)
_PAIRS = (
    func.unnest(bindparam("instants", type_=ARRAY(_AT)), bindparam("identifiers", type_=ARRAY(Uuid)))
    .table_valued(column("at", _AT), column("id", Uuid))
    .render_derived(name="pairs")
)
_READABLE = text(f"LOCK TABLE {', '.join(table.name for table in PARTITIONED)} IN ACCESS SHARE MODE")


@dataclass(frozen=True)
class Search:
    """What to look for; everything given must apply."""

    member: int | None = None
    ip: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """Exclusive."""
    request: tuple[str, datetime] | None = None
    """A request id and when the request began, which its id tells."""
    condition: ColumnElement[bool] | None = None
    """What the policies' documents say of a field or a reason, and whatever else must apply."""
    asks_about: tuple[int, ...] = ()
    """The members whom it is about, for the record of the search itself."""
    after: Place | None = None
    """The last entry already seen."""


def wait_until_readable(connection: Connection) -> None:
    """Wait while somebody else has locked the log, so that the search that follows waits for nobody."""
    connection.execute(_READABLE)


def find(connection: Connection, search: Search, *, limit: int) -> list[Row[Any]]:
    """Return the newest matching entries, at most `limit`."""
    key = tuple_(access_log.c.at, access_log.c.id)
    statement = _entries().where(*_conditions(search))
    if search.after is not None:
        statement = statement.where(key < tuple_(*search.after))
    newest_first = statement.order_by(access_log.c.at.desc(), access_log.c.id.desc())
    return list(connection.execute(newest_first.limit(limit)))


def get(connection: Connection, identifier: UUID) -> Row[Any] | None:
    """Return one entry, its exact bytes included."""
    return connection.execute(_entries(access_log.c.leaf).where(_is(identifier))).one_or_none()


def these(connection: Connection, identifiers: Sequence[UUID], instants: Sequence[datetime]) -> dict[UUID, Row[Any]]:
    """Return the entries of some ids and instants by id; those whose record is gone are not there."""
    if not identifiers:
        return {}
    asked = {"instants": list(instants), "identifiers": list(identifiers)}
    # The stretch leaves out other months' tables; the pairs find each entry, for a long request's lies far from others.
    in_stretch = access_log.c.at.between(min(instants), max(instants))
    statement = _entries().where(in_stretch, access_log.c.at == _PAIRS.c.at, access_log.c.id == _PAIRS.c.id)
    return {row.id: row for row in connection.execute(statement, asked)}


def members_of(connection: Connection, identifier: UUID, *, after: int, limit: int) -> list[Row[Any]]:
    """Return `number`, `id` and `verdict` of the members an entry is about, by number; the erased have no id left."""
    subjects = members_where(lambda at, access: and_(access == identifier, _within_its_millisecond(at, identifier)))
    return list(
        connection.execute(
            select(subjects.c.member, member.c.id, subjects.c.verdict)
            .select_from(subjects.outerjoin(member, member.c.number == subjects.c.member))
            .where(subjects.c.member > after)
            .order_by(subjects.c.member)
            .limit(limit)
        )
    )


def member_number(connection: Connection, member_id: str) -> int | None:
    """Return a member's number in the log; nothing for who is unknown or erased."""
    return connection.scalar(select(member.c.number).where(member.c.id == member_id))


def partner_number(connection: Connection, partner_id: str) -> int | None:
    """Return the number that a partner's refs are made with."""
    return connection.scalar(select(partner.c.number).where(partner.c.id == partner_id))


def number_by_ref(connection: Connection, references: References, ref: str, *, of: str) -> int | None:
    """Return whom a ref of a partner means; nothing for what is none of theirs, and once the member is erased (R45)."""
    reference = references.read(ref)
    if reference is None or reference.partner != partner_number(connection, of):
        return None
    return connection.scalar(select(member.c.number).where(member.c.number == reference.member))


def is_about(number: int) -> ColumnElement[bool]:
    """Entries about a member, by index."""
    about = accesses_about(number)
    return tuple_(access_log.c.at, access_log.c.id).in_(select(about.c.at, about.c.access))


def is_from(network: str) -> ColumnElement[bool]:
    """Entries from an address or network; for statements that join `access_network`."""
    return access_network.c.ip.op("<<=", is_comparison=True)(cast(network, INET))


def is_of_request(request_id: str, began: datetime) -> ColumnElement[bool]:
    """Entries of a request, which its id says when it began."""
    return and_(access_log.c.request_id == request_id, access_log.c.at.between(began, began + LONGEST_REQUEST))


def _entries(*more: ColumnElement[Any]) -> Select[Any]:
    subjects = members_where(lambda at, access: and_(access == access_log.c.id, at == access_log.c.at))
    shown = (
        select(member.c.id)
        .join(subjects, subjects.c.member == member.c.number)
        .order_by(subjects.c.member)
        .limit(MEMBERS_SHOWN)
        .correlate(access_log)
    )
    columns = [column for column in access_log.c if column.name not in {"leaf", "transaction"}]
    index = select(sealed_leaf.c.index).where(sealed_leaf.c.access == access_log.c.id).scalar_subquery()
    return select(
        *columns,
        access_network.c.ip,
        func.array(shown.scalar_subquery()).label("members"),
        index.label("sealed_index"),
        *more,
    ).select_from(access_log.outerjoin(access_network, NETWORK_OF_THE_RECORD))


def _conditions(search: Search) -> list[ColumnElement[bool]]:
    conditions = list[ColumnElement[bool]]()
    if search.member is not None:
        conditions.append(is_about(search.member))
    if search.ip is not None:
        conditions.append(is_from(search.ip))
    if search.since is not None:
        conditions.append(access_log.c.at >= search.since)
    if search.until is not None:
        conditions.append(access_log.c.at < search.until)
    if search.request is not None:
        conditions.append(is_of_request(*search.request))
    if search.condition is not None:
        conditions.append(search.condition)
    return conditions


def _is(identifier: UUID) -> ColumnElement[bool]:
    return and_(access_log.c.id == identifier, _within_its_millisecond(access_log.c.at, identifier))


def _within_its_millisecond(at: ColumnElement[datetime], identifier: UUID) -> ColumnElement[bool]:
    """The id tells the instant, and so the partition to look in."""
    began = instant_of(identifier)
    return and_(at >= began, at < began + timedelta(milliseconds=1))
