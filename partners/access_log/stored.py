"""The statements that read sealed records by the thousand, beside what the log knows of them."""

from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any

from psycopg import Error as DriverError
from psycopg.types.numeric import Int8BinaryLoader
from psycopg.types.string import ByteaBinaryLoader
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Select,
    Subquery,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.exc import SQLAlchemyError

from partners.access_log.expected import COLUMNS
from partners.access_log.subjects import members_where
from partners.postgres.literals import text_literal
from partners.postgres.prepared import prepare_text
from partners.tables.access import access_log, access_network
from partners.tables.sealing import sealed_leaf

_BEYOND = 1 << 62
"""More entries than any log has."""
ELSEWHERE = "elsewhere"
"""Stands for members who stand at another instant than their record."""
_AS_SENT = MappingProxyType({
    **dict.fromkeys(("uuid", "inet", "record"), ByteaBinaryLoader), "timestamptz": Int8BinaryLoader,
})  # fmt: skip
"""How values are read: PostgreSQL's own forms cost nothing until they are looked at."""


class UnreadableError(Exception):
    """The log cannot be read; the message says why."""


def rows_between(connection: Connection, first: int, end: int) -> Iterator[Sequence[Any]]:
    """Read what there is of the entries from one index up to another, in any order: the fields of `records.Entry`.

    Raise `UnreadableError`.
    """
    try:
        bounds = connection.execute(_BOUNDS, {"first": first, "end": end}).one()._asdict()
        if bounds["since"] is not None:
            yield from _ENTRIES.stream(connection, {"first": first, "end": end} | bounds, _AS_SENT)
    except (SQLAlchemyError, DriverError) as error:
        raise UnreadableError(f"the log cannot be read: {type(error).__name__}") from error


def firsts(connection: Connection, width: int) -> Sequence[int]:
    """The first index in each stretch of so many indexes, where there is any."""
    return connection.execute(_FIRSTS, {"width": width}).scalars().all()


def misplaced(connection: Connection) -> Iterator[tuple[int | None, bytes | None]]:
    """Index and id of what is sealed at an index that no entry can have; nothing else reads it."""
    for place, access in connection.execute(_MISPLACED):
        yield place, access.bytes if access else None


def _within() -> ColumnElement[bool]:
    first, end = bindparam("first", type_=BigInteger), bindparam("end", type_=BigInteger)
    return and_(sealed_leaf.c.index >= first, sealed_leaf.c.index < end, _IS_WHOLE)


def _bounds() -> Select[Any]:
    """Between which instants and ids the records of some leaves lie: what their tables are read by.

    Instants as text: whoever tampered may have put one there that no calendar of ours has.
    """
    access = cast(sealed_leaf.c.access, Text)
    return select(
        cast(func.min(sealed_leaf.c.at), Text).label("since"),
        cast(func.max(sealed_leaf.c.at), Text).label("until"),
        cast(func.min(access), Uuid).label("lowest"),
        cast(func.max(access), Uuid).label("highest"),
    ).where(_within())


def _firsts() -> Select[Any]:
    """From index to index; read as a whole, the indexes would take a tenth of a second for each million."""
    width = bindparam("width", type_=BigInteger)
    first = select(func.min(sealed_leaf.c.index).label("place")).where(_IN_PLACE, _IS_WHOLE)
    found = first.cte("found", recursive=True)
    stretch_after = found.c.place - found.c.place % width + width
    after = and_(sealed_leaf.c.index >= stretch_after, _IN_PLACE, _IS_WHOLE)
    following = select(func.min(sealed_leaf.c.index)).where(after).scalar_subquery()
    found = found.union_all(select(following).where(found.c.place.is_not(None)))
    return select(found.c.place).where(found.c.place.is_not(None)).order_by(found.c.place)


def _subjects() -> Subquery:
    """The members of each access as text, of which `partners.access_log.summary` makes a digest.

    And the instants at which they stand: at another than the record's, nobody would find it by a member.
    """
    bounds = (bindparam("lowest", type_=Uuid), bindparam("highest", type_=Uuid))
    about = members_where(lambda _at, access: access.between(*bounds))
    line = func.concat(about.c.member, text_literal(":"), about.c.verdict)
    listed = func.string_agg(line, aggregate_order_by(text_literal(","), about.c.member))
    instants = func.min(about.c.at).label("first_at"), func.max(about.c.at).label("last_at")
    return select(about.c.access, listed.label("members"), *instants).group_by(about.c.access).subquery("about")


def _entries() -> Select[Any]:
    """Few and narrow columns: each costs the reader as much as comparing a record does.

    In no order, and nothing hashed: both cost the database more than they do the reader.
    """
    instants = (bindparam("since", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True)))
    subjects = _subjects()
    in_place = and_(subjects.c.first_at == sealed_leaf.c.at, subjects.c.last_at == sealed_leaf.c.at)
    same_record = (
        access_log.c.at == sealed_leaf.c.at,
        access_log.c.id == sealed_leaf.c.access,
        access_log.c.at.between(*instants),
    )
    same_network = (
        access_network.c.at == sealed_leaf.c.at,
        access_network.c.access == sealed_leaf.c.access,
        access_network.c.at.between(*instants),
    )
    return (
        select(
            sealed_leaf.c.index,
            sealed_leaf.c.hash,
            sealed_leaf.c.at,
            sealed_leaf.c.access,
            access_log.c.leaf,
            case((in_place, subjects.c.members), (subjects.c.members.is_not(None), text_literal(ELSEWHERE))),
            access_network.c.salt,
            access_network.c.ip,
            access_log.c.request_id,
            func.row(access_log.c.verdicts, *(access_log.c[name] for name in COLUMNS)),
        )
        .select_from(
            sealed_leaf.outerjoin(access_log, and_(*same_record))
            .outerjoin(access_network, and_(*same_network))
            .outerjoin(subjects, subjects.c.access == sealed_leaf.c.access)
        )
        .where(_within())
    )


_IN_PLACE = and_(sealed_leaf.c.index >= 0, sealed_leaf.c.index < _BEYOND)
_IS_WHOLE = and_(*(sealed_leaf.c[name].is_not(None) for name in ("hash", "at", "access")))
"""What has less is no leaf: it is missing."""
_OUT_OF_PLACE = or_(~_IN_PLACE, sealed_leaf.c.index.is_(None))
_MISPLACED = select(sealed_leaf.c.index, sealed_leaf.c.access).where(_OUT_OF_PLACE).order_by(sealed_leaf.c.index)
_BOUNDS = _bounds()
_FIRSTS = _firsts()
_ENTRIES = prepare_text(_entries())
