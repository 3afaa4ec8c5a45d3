"""Release and record as one statement: the row and its record commit together, or neither exists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Label,
    SmallInteger,
    Table,
    and_,
    case,
    cast,
    false,
    func,
    null,
    or_,
    select,
    true,
)

from partners.access_log.append import record_of, told_leaf
from partners.access_log.recording import Recording
from partners.access_log.subjects import Keeping, in_blocks, in_bulk, one_by_one
from partners.access_log.summary import summary_of, summary_of_one
from partners.postgres.literals import number_literal, text_literal
from partners.standing import CALLER_NUMBER, standing, status_of
from partners.vocabulary import Outcome
from serializers.policy.declaration import Policy
from serializers.policy.relation import MEMBER, VERDICT, GuardedRelation, anything_withheld, why_not_visible

CALLER_MAY_ACT: ColumnElement[bool] = CALLER_NUMBER.is_not(None)


@dataclass(frozen=True)
class Release(Recording):
    """A prepared statement; its first row tells the outcome, each row with a member is a released one."""

    positions: Mapping[str, int]
    """Where a row has each guarded column, by its dotted name."""
    first_key: int
    number_of_keys: int

    def keys(self, row: Sequence[Any]) -> list[Any]:
        """What the last row of a full page is ordered by; only that row tells it."""
        return list(row[self.first_key :][: self.number_of_keys])

    def footing(self, row: Sequence[Any]) -> list[Any]:
        """The scalars that end every row."""
        return list(row[self.first_key + self.number_of_keys :])


Nothing = tuple[Outcome, int, ColumnElement[Any]]
"""Outcome, HTTP status and reason of an answer without any row."""

_KEY = "key_"
OUTCOME, REASON, CALLER, ROW_MEMBER, _FIRST_COLUMN = range(5)
"""Of a page, the first row alone has the outcome, the reason and the caller."""


@dataclass(frozen=True)
class Look:
    """How one member is looked up, and why where nothing is found."""

    up: ColumnElement[bool]
    missing: ColumnElement[str]


@dataclass(frozen=True)
class Page:
    """Which rows, in which order, and how many; `keys` must be such as are never withheld."""

    chosen: ColumnElement[bool]
    keys: tuple[ColumnElement[Any], ...]
    descending: bool
    limit: ColumnElement[int]


def release_one(policy: Policy, look: Look) -> Release:
    """Prepare the release of the one member that is looked up."""
    guarded = GuardedRelation(policy)
    candidate = _candidate(policy, look, guarded.columns())
    released = select(candidate).where(and_(CALLER_MAY_ACT, candidate.c.visible)).cte("released")
    return _recorded(policy, released=released, covered=released, one=True, nothing=_not_found(policy, candidate, look))


def release_page(policy: Policy, page: Page, *, footing: tuple[Label[Any], ...] = (), bulk: bool = False) -> Release:
    """Prepare the release of a page, and of one row more as a probe that the record does not cover.

    `footing` are scalars that end each row, also where there is none. `bulk` is for pages of thousands.
    """
    released = _page(policy, policy.source, page, true())
    of_the_page = select(released.c[MEMBER], released.c[VERDICT]).where(released.c.position <= page.limit)
    covered = of_the_page.distinct().cte("covered")
    nothing: Nothing = (Outcome.EMPTY, 200, null())
    return _recorded(
        policy,
        released=released,
        covered=covered,
        nothing=nothing,
        page=page,
        footing=footing,
        keeping=in_bulk if bulk else in_blocks,
    )


def release_lines(policy: Policy, look: Look, page: Page, *, lines: Table, belongs: ColumnElement[bool]) -> Release:
    """Prepare the release of a page of one member's lines; without any the member is covered all the same."""
    guarded = GuardedRelation(policy)
    candidate = _candidate(policy, look, [policy.member.label(MEMBER), guarded.verdict().label(VERDICT)])
    covered = select(candidate).where(and_(CALLER_MAY_ACT, candidate.c.visible)).cte("covered")
    released = _page(policy, policy.source.join(lines, belongs), page, look.up)
    nothing = _not_found(policy, candidate, look)
    return _recorded(policy, released=released, covered=covered, one=True, nothing=nothing, page=page)


def _candidate(policy: Policy, look: Look, columns: list[Label[Any]]) -> CTE:
    visible = GuardedRelation(policy).visible().label("visible")
    return select(*columns, visible).select_from(policy.source).where(look.up).cte("candidate")


def _not_found(policy: Policy, candidate: CTE, look: Look) -> Nothing:
    reason = func.coalesce(select(why_not_visible(policy, candidate.c.verdict)).scalar_subquery(), look.missing)
    return Outcome.NOT_FOUND, 404, reason


def _page(policy: Policy, source: FromClause, page: Page, only: ColumnElement[bool]) -> CTE:
    guarded = GuardedRelation(policy)
    order = [key.desc() if page.descending else key.asc() for key in page.keys]
    positioned = (
        func.row_number().over(order_by=order).label("position"),
        *(key.label(f"{_KEY}{place}") for place, key in enumerate(page.keys)),
    )
    return (
        select(*guarded.columns(), *positioned)
        .select_from(source)
        .where(CALLER_MAY_ACT, guarded.visible(), only, page.chosen)
        .order_by(*order)
        .limit(page.limit + number_literal(1))
    ).cte("released")


def _recorded(
    policy: Policy,
    *,
    released: CTE,
    covered: CTE,
    nothing: Nothing,
    one: bool = False,
    page: Page | None = None,
    footing: tuple[Label[Any], ...] = (),
    keeping: Keeping = one_by_one,
) -> Release:
    """`one` promises that at most one member is covered."""
    caller = standing(member_rows=True).cte("caller")
    summary = summary_of_one(covered) if one else summary_of(covered)
    decision = _decision(policy, caller=caller, summary=summary, nothing=nothing)
    columns = dict(column for field in policy.fields for column in field.columns())
    # Each row has the member's number anyway.
    told = [name for name, value in columns.items() if value is not policy.member]
    positions = dict.fromkeys(columns, ROW_MEMBER) | {name: place for place, name in enumerate(told, _FIRST_COLUMN)}
    heading: list[ColumnElement[Any]] = [decision.c.outcome, decision.c.reason, decision.c.caller]
    keys: list[ColumnElement[Any]] = []
    leaf = told_leaf(decision)
    order: list[ColumnElement[Any]] = []
    if page is not None:
        # What one row tells for all is not told, and read, with each.
        position = released.c.position
        first = or_(position.is_(None), position == number_literal(1))
        heading = [case((first, column)) for column in heading]
        keys = [case((position == page.limit, released.c[f"{_KEY}{place}"])) for place in range(len(page.keys))]
        leaf = case((first, leaf))
        order = [position]
    statement = (
        select(*heading, released.c[MEMBER], *(released.c[name] for name in told), *keys, *footing)
        .select_from(decision.outerjoin(released, true()))
        .add_cte(caller, *record_of(decision=decision, covered=covered, keeping=keeping))
        .order_by(*order)
    )
    return Release(statement, leaf, positions, _FIRST_COLUMN + len(told), len(keys))


def _decision(policy: Policy, *, caller: CTE, summary: CTE, nothing: Nothing) -> CTE:
    """One row: the outcome, its status, and for a refusal or a 404 the true reason."""
    outcome, status, reason = nothing
    empty = summary.c.member_count == number_literal(0)
    denied = caller.c.denied
    outcomes = case(
        (denied.is_not(None), text_literal(Outcome.DENIED)),
        (empty, text_literal(outcome)),
        (_partial(policy, summary), text_literal(Outcome.PARTIAL)),
        else_=text_literal(Outcome.RELEASED),
    )
    statuses = case(
        (denied.is_not(None), status_of(denied)),
        (empty, number_literal(status)),
        else_=number_literal(200),
    )
    return (
        select(
            caller.c.number.label("caller"),
            outcomes.label("outcome"),
            cast(statuses, SmallInteger).label("status"),
            case((denied.is_not(None), denied), (empty, reason)).label("reason"),
            *summary.c,
        )
        .join_from(caller, summary, true())
        .cte("decision")
    )


def _partial(policy: Policy, summary: CTE) -> ColumnElement[bool]:
    """Whether anything was withheld of anybody."""
    if VERDICT in summary.c:
        return anything_withheld(policy, summary.c[VERDICT])
    group = func.jsonb_array_elements(summary.c.verdicts).column_valued("group")
    verdict = cast(group.op("->")(number_literal(0)), BigInteger)
    return select(func.coalesce(func.bool_or(anything_withheld(policy, verdict)), false())).scalar_subquery()
