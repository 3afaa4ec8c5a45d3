"""A condition and the few clauses it is told by say the same of every verdict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import true

from serializers import model, webmaster
from serializers.policy.clauses import Clause, clauses_of
from serializers.policy.conditions import ALWAYS, All, Always, Any_, Atom, Condition, Named, Not, PolicyError
from serializers.policy.declaration import Policy

ATOMS = tuple(Atom(f"atom_{place}", true()) for place in range(6))
BITS = {atom: 1 << place for place, atom in enumerate(ATOMS)}


def combined(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    several = st.lists(parts, min_size=1, max_size=4).map(tuple)
    named = parts.map(lambda part: Named("named", "a name", part))
    return st.one_of(several.map(All), several.map(Any_), parts.map(Not), named)


conditions = st.recursive(st.sampled_from(ATOMS), combined, max_leaves=8)


def holds(condition: Condition, verdict: int) -> bool:
    """The oracle: the algebra by its words."""
    match condition:
        case Atom():
            return bool(verdict & BITS[condition])
        case All(parts):
            return all(holds(part, verdict) for part in parts)
        case Any_(parts):
            return any(holds(part, verdict) for part in parts)
        case Not(part):
            return not holds(part, verdict)
        case Named(part=part):
            return holds(part, verdict)
    raise AssertionError(condition)


def all_hold(clauses: tuple[Clause, ...], verdict: int) -> bool:
    return all(any(verdict & test.mask == test.these for test in clause) for clause in clauses)


@given(st.lists(conditions, max_size=4))
def test_every_verdict_is_told_alike(several: list[Condition]) -> None:
    clauses = clauses_of(several, BITS)

    for verdict in range(1 << len(ATOMS)):
        assert all_hold(clauses, verdict) == all(holds(condition, verdict) for condition in several), verdict


@pytest.mark.parametrize(("policy", "most"), [(webmaster.POLICY, 1), (model.POLICY, 2)])
def test_a_policy_of_many_fields_needs_few_clauses(policy: Policy, most: int) -> None:
    assert 0 < len(clauses_of((field.when for field in policy.fields), policy.bits)) <= most


def test_what_always_holds_needs_none_and_cannot_be_denied() -> None:
    assert clauses_of([ALWAYS], BITS) == ()
    with pytest.raises(PolicyError):
        clauses_of([Not(Always())], BITS)
