"""From a policy to SQL: each field guarded by its condition, all facts as one integer, over the row filter."""

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from sqlalchemy import ColumnElement, Label, and_, case, null, true

from partners.postgres.literals import number_literal, text_literal
from serializers.policy.clauses import clauses_of, holds_in
from serializers.policy.conditions import Atom, to_sql
from serializers.policy.declaration import Field, Policy

MEMBER = "member"
VERDICT = "verdict"


@dataclass(frozen=True)
class GuardedRelation:
    """The only columns over which anything asked by a partner may be written."""

    policy: Policy

    def columns(self) -> list[Label[Any]]:
        """The member's number, the verdict, then every column of every field, guarded and named by its dotted name."""
        guarded = [guard(field, value).label(name) for field in self.policy.fields for name, value in field.columns()]
        return [self.policy.member.label(MEMBER), self.verdict().label(VERDICT), *guarded]

    def visible(self) -> ColumnElement[bool]:
        """Whether the row exists for the caller."""
        return and_(*(atom.holds for atom in self.policy.rows))

    def verdict(self) -> ColumnElement[int]:
        """Which atoms hold, as a sum of their bits."""
        bits = [
            case((atom.holds, number_literal(bit)), else_=number_literal(0)) for atom, bit in self.policy.bits.items()
        ]
        return reduce(add, bits)


def guard(field: Field, value: ColumnElement[Any]) -> ColumnElement[Any]:
    """The value where the field's condition holds, and NULL elsewhere, so that a withheld value stays where it is."""
    if field.badge:
        return case((and_(to_sql(field.when, _own_sql), value), true()))
    if field.never_withheld:
        return value
    return case((to_sql(field.when, _own_sql), value))


def anything_withheld(policy: Policy, verdict: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether some field was withheld, told from the verdict alone."""
    clauses = clauses_of((field.when for field in policy.fields), policy.bits)
    return ~and_(true(), *(holds_in(clause, verdict) for clause in clauses))


def why_not_visible(policy: Policy, verdict: ColumnElement[int]) -> ColumnElement[str | None]:
    """The first reason for which a row does not exist for the caller, or NULL if it does."""
    reasons = [(~_bit_is_set(policy, atom, verdict), text_literal(policy.reason_of(atom))) for atom in policy.rows]
    return case(*reasons, else_=null())


def _own_sql(atom: Atom) -> ColumnElement[bool]:
    return atom.holds


def _bit_is_set(policy: Policy, atom: Atom, verdict: ColumnElement[int]) -> ColumnElement[bool]:
    return verdict.bitwise_and(number_literal(policy.bits[atom])) != number_literal(0)
