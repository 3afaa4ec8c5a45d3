"""Whom an access was about: a row for each member, or for many at once a set for each bucket of member numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Label,
    Select,
    SmallInteger,
    Subquery,
    Table,
    TableValuedAlias,
    and_,
    any_,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from partners.postgres.literals import number_literal
from partners.tables.access import access_log, access_subject, access_subject_block, access_subject_set

_Value: TypeAlias = ColumnElement[Any]


class Keeping(Protocol):
    """How it is kept whom an access covers: the inserts for the covered members (columns `member`, `verdict`)."""

    def __call__(self, covered: FromClause, *, at: _Value, access: _Value) -> tuple[CTE, ...]:
        """Return them."""


@dataclass(frozen=True)
class _Sets:
    """A table of sets of members: each of a bucket of neighbouring numbers, an access and a verdict."""

    table: Table
    bits: int
    """So many low bits of a member's number stand in `member_offsets`; two bytes hold them."""

    @property
    def mask(self) -> int:
        """The bits that stand in offsets."""
        return (1 << self.bits) - 1

    def of(self, covered: FromClause) -> Select[Any]:
        """Group the covered members (columns `member`, `verdict`) into `bucket`, `verdict` and `offsets`."""
        member, verdict = covered.c.member, covered.c.verdict
        bucket = cast(member.bitwise_rshift(number_literal(self.bits)), Integer).label("bucket")
        offset = cast(member.bitwise_and(number_literal(self.mask)), SmallInteger)
        offsets = func.array_agg(aggregate_order_by(offset, member), type_=ARRAY(SmallInteger)).label("offsets")
        return select(bucket, verdict.label("verdict"), offsets).group_by(bucket, verdict)

    def insert(self, sets: FromClause, only: ColumnElement[bool], *, at: _Value, access: _Value) -> CTE:
        """Insert some of such groups."""
        columns = ["member_bucket", "at", "access", "verdict", "member_offsets"]
        chosen = select(sets.c.bucket, at, access, sets.c.verdict, sets.c.offsets).where(only)
        return insert(self.table).from_select(columns, chosen).cte(f"recorded_{self.table.name}")

    def about(self, member: int) -> Select[Any]:
        """The accesses of which a set has a member."""
        sets, offset = self.table.c, literal(member & self.mask, SmallInteger)
        of_bucket = and_(sets.member_bucket == member >> self.bits, offset == any_(sets.member_offsets))
        return select(sets.at, sets.access, sets.verdict).where(of_bucket)

    def each(self, bucket: _Value, offsets: _Value) -> tuple[TableValuedAlias, Label[int]]:
        """What to join for a row for each member of a set, and the member's number then."""
        offset = func.unnest(offsets).table_valued("value", name="member_offset").render_derived()
        first = cast(bucket, BigInteger).bitwise_lshift(number_literal(self.bits))
        # Beyond its bucket nobody looks for a member: an offset that was moved there stands for none.
        is_within = offset.c.value.between(number_literal(0), number_literal(self.mask))
        return offset, case((is_within, first.bitwise_or(offset.c.value))).label("member")


_BLOCKS = _Sets(access_subject_block, bits=10)
"""Of pages; an order of buckets narrower, for pages are given far more often."""
_BULK = _Sets(access_subject_set, bits=14)
_SETS = (_BLOCKS, _BULK)
DENSE = 16
"""Members of a block from which on it is one row: a look-up reads at most 64 blocks for each with its member."""


def one_by_one(covered: FromClause, *, at: _Value, access: _Value) -> tuple[CTE, ...]:
    """Insert a row for each of the covered members."""
    return (_rows(select(covered.c.member, at, access, covered.c.verdict)),)


def in_blocks(covered: FromClause, *, at: _Value, access: _Value) -> tuple[CTE, ...]:
    """Insert a row for a block and verdict where there are many of it, and else for each member."""
    blocks = _BLOCKS.of(covered).cte("blocks")
    size, dense = func.cardinality(blocks.c.offsets), number_literal(DENSE)
    offset, member = _BLOCKS.each(blocks.c.bucket, blocks.c.offsets)
    sparse = select(member, at, access, blocks.c.verdict).join_from(blocks, offset, true()).where(size < dense)
    return _BLOCKS.insert(blocks, size >= dense, at=at, access=access), _rows(sparse)


def in_bulk(covered: FromClause, *, at: _Value, access: _Value) -> tuple[CTE, ...]:
    """Insert a set for each bucket and verdict."""
    return (_BULK.insert(_BULK.of(covered).subquery("sets"), true(), at=at, access=access),)


def accesses_about(member: int) -> Subquery:
    """The accesses about one member, by index: `at`, `access` and the `verdict` on this member."""
    rows = access_subject.c
    singly = select(rows.at, rows.access, rows.verdict).where(rows.member == member)
    return union_all(singly, *(sets.about(member) for sets in _SETS)).subquery("about")


def members_where(condition: Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[bool]]) -> Subquery:
    """The members of the accesses that a condition over instant and id is true of: `at`, `access`, `member`, `verdict`.

    The condition may name the entry of an enclosing query.
    """
    rows = access_subject.c
    parts = [select(rows.at, rows.access, rows.member, rows.verdict).where(condition(rows.at, rows.access))]
    for kept in _SETS:
        sets = kept.table.c
        offset, number = kept.each(sets.member_bucket, sets.member_offsets)
        each = select(sets.at, sets.access, number, sets.verdict).join_from(kept.table, offset, true())
        parts.append(each.where(condition(sets.at, sets.access)))
    return union_all(*(part.correlate(access_log) for part in parts)).subquery("subjects")


def members_in(entries: Subquery) -> Subquery:
    """Each member of each of some entries (columns `at`, `id` and `slot`): `slot` and `member`."""

    def of_entry(table: Table) -> ColumnElement[bool]:
        return and_(table.c.access == entries.c.id, table.c.at == entries.c.at)

    singly = select(entries.c.slot, access_subject.c.member)
    parts = [singly.join_from(entries, access_subject, of_entry(access_subject))]
    for kept in _SETS:
        offset, number = kept.each(kept.table.c.member_bucket, kept.table.c.member_offsets)
        joined = select(entries.c.slot, number).join_from(entries, kept.table, of_entry(kept.table))
        parts.append(joined.join(offset, true()))
    return union_all(*parts).subquery("members")


def _rows(members: Select[Any]) -> CTE:
    columns = ["member", "at", "access", "verdict"]
    return insert(access_subject).from_select(columns, members).cte("recorded_subjects")
