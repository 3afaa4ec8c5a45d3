"""The statements that read sealed records by the thousand, beside what the log knows of them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    LargeBinary,
    Select,
    Subquery,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from partners.access_log.expected import COLUMNS
from partners.access_log.subjects import members_where
from partners.literals import text_literal
from partners.prepared import prepare_text
from partners.tables.access import access_log, access_network
from partners.tables.sealing import sealed_leaf

ELSEWHERE = "elsewhere"
"""Stands for the digest of members who stand at another instant than their record."""


def rows_between(connection: Connection, first: int, end: int) -> Sequence[Sequence[Any]]:
    """Read what there is of the entries from one index up to another, in order: the fields of `records.Entry`."""
    bounds = connection.execute(_BOUNDS, {"first": first, "end": end}).one()._asdict()
    if bounds["since"] is None:
        return []
    return _ENTRIES.fetch_binary(connection, {"first": first, "end": end} | bounds)


def firsts(connection: Connection, width: int) -> Sequence[int]:
    """The first index in each stretch of so many indexes, where there is any."""
    return connection.execute(_FIRSTS, {"width": width}).scalars().all()


def _within() -> ColumnElement[bool]:
    first, end = bindparam("first", type_=BigInteger), bindparam("end", type_=BigInteger)
    return and_(sealed_leaf.c.index >= first, sealed_leaf.c.index < end)


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
    found = select(func.min(sealed_leaf.c.index).label("place")).cte("found", recursive=True)
    stretch_after = found.c.place - found.c.place % width + width
    following = select(func.min(sealed_leaf.c.index)).where(sealed_leaf.c.index >= stretch_after).scalar_subquery()
    found = found.union_all(select(following).where(found.c.place.is_not(None)))
    return select(found.c.place).where(found.c.place.is_not(None)).order_by(found.c.place)


def _subjects() -> Subquery:
    """A digest over the members of each access, as `partners.access_log.append` makes it.

    And the instants at which they stand: at another than the record's, nobody would find it by a member.
    """
    bounds = (bindparam("lowest", type_=Uuid), bindparam("highest", type_=Uuid))
    about = members_where(lambda _at, access: access.between(*bounds))
    line = cast(about.c.member, Text).concat(text_literal(":")).concat(cast(about.c.verdict, Text))
    listed = func.string_agg(line, aggregate_order_by(text_literal(","), about.c.member))
    digest = _hex(func.sha256(func.convert_to(listed, text_literal("UTF8"))))
    instants = func.min(about.c.at).label("first_at"), func.max(about.c.at).label("last_at")
    return select(about.c.access, digest.label("members"), *instants).group_by(about.c.access).subquery("digests")


def _entries() -> Select[Any]:
    """Few and narrow columns: each costs the reader as much as comparing a record does."""
    instants = (bindparam("since", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True)))
    subjects = _subjects()
    # Four bytes of `inet_send` stand before the packed address.
    address = func.coalesce(func.substring(func.inet_send(access_network.c.ip), 5), literal_column("''::bytea"))
    network = func.sha256(func.uuid_send(access_network.c.salt).op("||")(address))
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
    shared = func.row(access_log.c.verdicts, *(access_log.c[name] for name in COLUMNS))
    return (
        select(
            sealed_leaf.c.index,
            sealed_leaf.c.hash,
            func.timestamptz_send(sealed_leaf.c.at, type_=LargeBinary),
            func.uuid_send(sealed_leaf.c.access, type_=LargeBinary),
            access_log.c.leaf,
            case((in_place, subjects.c.members), (subjects.c.members.is_not(None), text_literal(ELSEWHERE))),
            _hex(network).label("network"),
            access_log.c.request_id,
            func.record_send(shared, type_=LargeBinary),
        )
        .select_from(
            sealed_leaf.outerjoin(access_log, and_(*same_record))
            .outerjoin(access_network, and_(*same_network))
            .outerjoin(subjects, subjects.c.access == sealed_leaf.c.access)
        )
        .where(_within())
        .order_by(sealed_leaf.c.index)
    )


def _hex(value: ColumnElement[Any]) -> ColumnElement[str]:
    return func.encode(value, text_literal("hex"))


_BOUNDS = _bounds()
_FIRSTS = _firsts()
_ENTRIES = prepare_text(_entries())
