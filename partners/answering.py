"""Answers about no single member: who may have one, what it is and its record, in one statement.

What a release is for members' data (`serializers/policy/release.py`), for sums and lists that no policy decides over.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Integer,
    SmallInteger,
    case,
    cast,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from partners.access_log.append import record_of, told_leaf
from partners.access_log.recording import Recording
from partners.postgres.literals import number_literal, text_literal
from partners.standing import standing, status_of
from partners.vocabulary import Outcome

PLACE = "place"
"""The column by which what was found is in order; null where nothing was."""
_OF_NOBODY = (
    literal_column("0", Integer).label("member_count"),
    literal_column("'[]'::jsonb", JSONB).label("verdicts"),
    text_literal(hashlib.sha256(b"").hexdigest()).label("members"),
)
"""The summary of an access that was about no member."""


@dataclass(frozen=True)
class Found:
    """What a statement finds for `CALLER_NUMBER`: nothing where that is null."""

    rows: FromClause
    """With their `PLACE`: from one on, or below for what stands before them."""
    any_at_all: ColumnElement[bool]
    """Whether there is a row: a condition of its own, so that rows need not be kept until it is known."""


def answer_statement(
    found: Found, *, member_rows: bool, heading: Mapping[str, ColumnElement[Any]] | None = None
) -> Recording:
    """Answer with what is found, if the caller may have it, and record that in the same statement.

    There is always a first row; outcome, reason and `heading` stand on it, and on no row from the second place on.
    `member_rows` says whether the answer can stand for single members (R28, R29).
    """
    caller, rows = standing(member_rows=member_rows).cte("caller"), found.rows
    decision = _decision(caller, found.any_at_all)
    told = {"outcome": decision.c.outcome, "reason": decision.c.reason, **(heading or {})}
    first = or_(rows.c[PLACE].is_(None), rows.c[PLACE] <= number_literal(1))
    statement = (
        select(*(case((first, value)).label(name) for name, value in told.items()), *rows.c)
        .select_from(decision.outerjoin(rows, true()))
        .add_cte(caller, *record_of(decision=decision, covered=None))
        .order_by(rows.c[PLACE])
    )
    return Recording(statement, case((first, told_leaf(decision))))


def _decision(caller: CTE, any_at_all: ColumnElement[bool]) -> CTE:
    """One row: the outcome, its status, and for a refusal the true reason."""
    denied = caller.c.denied
    outcome = case(
        (denied.is_not(None), text_literal(Outcome.DENIED)),
        (any_at_all, text_literal(Outcome.RELEASED)),
        else_=text_literal(Outcome.EMPTY),
    )
    status = case((denied.is_not(None), status_of(denied)), else_=number_literal(200))
    return select(
        outcome.label("outcome"), cast(status, SmallInteger).label("status"), denied.label("reason"), *_OF_NOBODY
    ).cte("decision")
