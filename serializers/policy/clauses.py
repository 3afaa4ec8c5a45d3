"""Conditions told from a verdict, in as few tests of its bits as will do.

A condition is brought into conjunctive normal form, whose clauses are merged: `(a | x) & (b | x)` is `(a & b) | x`, and
`a & b` is one test of two bits.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, product
from typing import NamedTuple

from sqlalchemy import ColumnElement, or_

from partners.postgres.literals import number_literal
from serializers.policy.conditions import All, Always, Any_, Atom, Condition, Named, Not, PolicyError


class Bits(NamedTuple):
    """Holds in a verdict whose bits under the mask are just these."""

    mask: int
    these: int

    def agrees_with(self, other: "Bits") -> bool:
        """Whether a verdict can have both: no bit is asked for by one and forbidden by the other."""
        return not self.mask & other.mask & (self.these ^ other.these)

    def holds_in(self, verdict: ColumnElement[int]) -> ColumnElement[bool]:
        """The test in SQL."""
        return verdict.bitwise_and(number_literal(self.mask)) == number_literal(self.these)


Clause = frozenset[Bits]
"""At least one of them holds."""


def clauses_of(conditions: Iterable[Condition], bits: Mapping[Atom, int]) -> tuple[Clause, ...]:
    """Return clauses that all hold where all conditions do; `bits` has the bit of each atom in a verdict."""
    every = dict.fromkeys(clause for condition in conditions for clause in _normal(condition, bits, holds=True))
    often = Counter(test for clause in every for test in clause if len(clause) > 1)
    merged: dict[Clause, list[Bits]] = {}
    for clause in every:
        # What is joined with others is the rarest of a clause; the rest is what it is to share with them.
        rarest = min(clause, key=lambda test: (often[test], test))
        _merge(merged.setdefault(clause - {rarest}, []), rarest)
    return tuple(rest | {joined} for rest, parts in merged.items() for joined in parts)


def holds_in(clause: Clause, verdict: ColumnElement[int]) -> ColumnElement[bool]:
    """A clause in SQL."""
    return or_(*(test.holds_in(verdict) for test in sorted(clause)))


def _merge(parts: list[Bits], test: Bits) -> None:
    for place, part in enumerate(parts):
        if part.agrees_with(test):
            parts[place] = Bits(part.mask | test.mask, part.these | test.these)
            return
    parts.append(test)


def _normal(condition: Condition, bits: Mapping[Atom, int], *, holds: bool) -> Iterator[Clause]:
    """Conjunctive normal form of a condition, or of its contrary, by De Morgan's laws."""
    match condition:
        case Atom():
            yield frozenset({Bits(bits[condition], bits[condition] if holds else 0)})
        case Named(part=part) | Not(part):
            yield from _normal(part, bits, holds=holds is not isinstance(condition, Not))
        case All(parts) | Any_(parts):
            normal = [tuple(_normal(part, bits, holds=holds)) for part in parts]
            if isinstance(condition, All) is holds:
                yield from chain.from_iterable(normal)
            else:
                yield from (frozenset[Bits]().union(*choice) for choice in product(*normal))
        case Always() if holds:
            return
        case _:
            raise PolicyError(f"{condition!r} has no clauses")
