"""Whom an access was about: a row for each member, or for bulk accesses a set for each bucket of member numbers."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    FromClause,
    Insert,
    Integer,
    SmallInteger,
    Subquery,
    and_,
    any_,
    cast,
    func,
    insert,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from partners.literals import number_literal
from partners.tables.access import access_log, access_subject, access_subject_set

_BITS = 14
"""So many low bits of a member's number stand in `offsets`; two bytes hold them."""
_MASK = (1 << _BITS) - 1


def one_by_one(covered: FromClause, *, at: ColumnElement[Any], access: ColumnElement[Any]) -> Insert:
    """Insert a row for each of the covered members (columns `member`, `verdict`)."""
    return insert(access_subject).from_select(
        ["member", "at", "access", "verdict"], select(covered.c.member, at, access, covered.c.verdict)
    )


def in_bulk(covered: FromClause, *, at: ColumnElement[Any], access: ColumnElement[Any]) -> Insert:
    """Insert a set for each bucket and verdict."""
    member, verdict = covered.c.member, covered.c.verdict
    bucket = cast(member.bitwise_rshift(number_literal(_BITS)), Integer)
    offset = cast(member.bitwise_and(number_literal(_MASK)), SmallInteger)
    offsets = func.array_agg(aggregate_order_by(offset, member), type_=ARRAY(SmallInteger))
    return insert(access_subject_set).from_select(
        ["member_bucket", "at", "access", "verdict", "member_offsets"],
        select(bucket, at, access, verdict, offsets).group_by(bucket, verdict),
    )


def accesses_about(member: int) -> Subquery:
    """The accesses about one member, by index: `at`, `access` and the `verdict` on this member."""
    rows, sets = access_subject.c, access_subject_set.c
    return union_all(
        select(rows.at, rows.access, rows.verdict).where(rows.member == member),
        select(sets.at, sets.access, sets.verdict).where(
            sets.member_bucket == member >> _BITS, literal(member & _MASK, SmallInteger) == any_(sets.member_offsets)
        ),
    ).subquery("about")


def members_where(condition: Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[bool]]) -> Subquery:
    """The members of the accesses that a condition over instant and id is true of: `at`, `access`, `member`, `verdict`.

    The condition may name the entry of an enclosing query.
    """
    rows, sets = access_subject.c, access_subject_set.c
    offset = func.unnest(sets.member_offsets).table_valued("value", name="member_offset").render_derived()
    number = cast(sets.member_bucket, BigInteger).bitwise_lshift(number_literal(_BITS)).bitwise_or(offset.c.value)
    bulk = select(sets.at, sets.access, number.label("member"), sets.verdict).join_from(
        access_subject_set, offset, true()
    )
    each = (
        select(rows.at, rows.access, rows.member, rows.verdict).where(condition(rows.at, rows.access)),
        bulk.where(condition(sets.at, sets.access)),
    )
    return union_all(*(part.correlate(access_log) for part in each)).subquery("subjects")


def members_in(entries: Subquery) -> Subquery:
    """Each member of each of some entries (columns `at`, `id` and `slot`): `slot` and `member`."""
    rows, sets = access_subject.c, access_subject_set.c
    offset = func.unnest(sets.member_offsets).table_valued("value", name="member_offset").render_derived()
    number = cast(sets.member_bucket, BigInteger).bitwise_lshift(number_literal(_BITS)).bitwise_or(offset.c.value)
    one_by_one = and_(rows.access == entries.c.id, rows.at == entries.c.at)
    in_sets = and_(sets.access == entries.c.id, sets.at == entries.c.at)
    return union_all(
        select(entries.c.slot, rows.member).join_from(entries, access_subject, one_by_one),
        select(entries.c.slot, number.label("member"))
        .join_from(entries, access_subject_set, in_sets)
        .join(offset, true()),
    ).subquery("members")
