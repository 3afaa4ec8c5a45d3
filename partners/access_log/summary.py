"""What a record says of the members it covers: how many, with which verdicts, and a digest of whom."""

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Integer,
    TableValuedAlias,
    Text,
    case,
    cast,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from partners.postgres.literals import number_literal, text_literal

LARGEST_VERDICT, LARGEST_COUNT = 2**63 - 1, 2**31 - 1
_PAIRS = f"strict $[*] ? (@[0] >= 0 && @[0] <= {LARGEST_VERDICT} && @[1] >= 0 && @[1] <= {LARGEST_COUNT})"
"""Whoever altered a record hides no other by it."""


def summary_of(covered: FromClause) -> CTE:
    """Summarise the members an access covers (columns `member`, `verdict`) in exactly one row, also for none."""
    groups = select(covered.c.verdict, func.count().label("members")).group_by(covered.c.verdict).subquery("groups")
    pair = func.jsonb_build_array(groups.c.verdict, groups.c.members)
    verdicts = select(
        func.coalesce(func.jsonb_agg(aggregate_order_by(pair, groups.c.verdict)), literal_column("'[]'::jsonb"))
    ).scalar_subquery()
    listed = func.string_agg(_line(covered), aggregate_order_by(text_literal(","), covered.c.member))
    return select(
        cast(func.count(), Integer).label("member_count"),
        verdicts.label("verdicts"),
        _digest_of(listed).label("members"),
    ).cte("summary")


def summary_of_one(covered: FromClause) -> CTE:
    """The same where at most one member is covered, and its `verdict`: nothing to group, sort or count."""
    anyway = select(number_literal(1).label("row")).subquery("anyway")
    found = covered.c.member.is_not(None)
    verdicts = func.jsonb_build_array(func.jsonb_build_array(covered.c.verdict, number_literal(1)))
    return (
        select(
            cast(found, Integer).label("member_count"),
            case((found, verdicts), else_=literal_column("'[]'::jsonb")).label("verdicts"),
            _digest_of(_line(covered)).label("members"),
            covered.c.verdict,
        )
        .select_from(anyway.outerjoin(covered, true()))
        .cte("summary")
    )


def pairs_in(verdicts: ColumnElement[Any], name: str) -> TableValuedAlias:
    """What to join for a row for each pair of a verdict and a count, `value`; what is none is left out."""
    path: ColumnElement[Any] = literal_column(f"'{_PAIRS}'::jsonpath, vars => '{{}}', silent => true")
    return func.jsonb_path_query(verdicts, path).table_valued("value", name=name).render_derived()


def _line(covered: FromClause) -> ColumnElement[str]:
    return cast(covered.c.member, Text).concat(text_literal(":")).concat(cast(covered.c.verdict, Text))


def _digest_of(lines: ColumnElement[str]) -> ColumnElement[str]:
    """SHA-256 in hex over whom an access covers and with which verdicts, in order of their numbers."""
    listed = func.convert_to(func.coalesce(lines, text_literal("")), text_literal("UTF8"))
    return func.encode(func.sha256(listed), text_literal("hex"))
