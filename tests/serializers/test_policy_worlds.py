"""Every world of the policies' conditions through a real PostgreSQL, against an oracle in plain Python."""

from collections.abc import Callable, Container, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, literal, null, select

from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.tables.partner import partner
from serializers import model, webmaster
from serializers.policy.conditions import ALWAYS, All, Any_, Atom, Condition, Named, PolicyError
from serializers.policy.declaration import Field, Policy
from serializers.policy.explain import Explainer
from serializers.policy.publish import document_of
from serializers.policy.relation import GuardedRelation, anything_withheld, why_not_visible
from tests.conftest import NOW
from tests.serializers.worlds import Answer, ModelWorld, WebmasterWorld, store_model_worlds, store_webmaster_worlds

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def webmaster_store(module_db: Database) -> tuple[Database, dict[int, WebmasterWorld]]:
    with module_db.write.begin() as connection:
        return module_db, store_webmaster_worlds(connection)


@pytest.fixture(scope="module")
def model_store(module_db: Database) -> tuple[Database, dict[int, ModelWorld]]:
    with module_db.write.begin() as connection:
        return module_db, store_model_worlds(connection, Keyring("a secret key for tests, and for nothing else"))


def decide(connection: Connection, policy: Policy, **caller: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Ask the guarded relation about every stored member at once, as the webmaster `w1` or the model `mdl-1`."""
    guarded = GuardedRelation(policy)
    relation = select(*guarded.columns(), guarded.visible().label("visible")).select_from(policy.source).subquery()
    asking = select(partner.c.number, null().label("denied")).where(partner.c.id == literal("w1")).cte("caller")
    statement = select(
        relation,
        why_not_visible(policy, relation.c.verdict).label("why"),
        anything_withheld(policy, relation.c.verdict).label("partial"),
    ).add_cte(asking)
    for row in connection.execute(statement, {"now": NOW, "caller_model": "mdl-1", **caller}).mappings():
        yield row["member"], dict(row)


def told(explainer: Explainer, row: dict[str, Any]) -> Answer:
    """What the engine decided for a row, in the oracle's words: from its verdict alone."""
    if not row["visible"]:
        return Answer(absent=row["why"])
    explanation = explainer.explain(row["verdict"])
    return Answer(
        shown=frozenset(explanation.released),
        withheld={name: frozenset(reasons) for name, reasons in explanation.withheld.items()},
    )


def only(policy: Policy, answer: Answer) -> Answer:
    """An expectation, as far as it speaks of the fields a policy has."""
    names = {field.name for field in policy.fields}
    withheld = {name: reasons for name, reasons in answer.withheld.items() if name in names}
    return Answer(answer.absent, answer.shown & names, withheld)


def leaks(policy: Policy, row: dict[str, Any], expected: Answer) -> list[str]:
    """Columns with a value although the oracle withholds their field, or without one although it is shown.

    Every stored world fills every optional column, so a shown field is never empty by nature (badges apart).
    """
    wrong = []
    for field in policy.fields:
        for name, _ in field.columns():
            empty = row[name] is None
            if field.name in expected.withheld and not empty:
                wrong.append(name)
            if field.name in expected.shown and empty and name in MUST_HAVE_VALUES:
                wrong.append(name)
    return wrong


MUST_HAVE_VALUES = {"username", "mask", "site", "last_actions", "spending", "profile.age", "profile.turn_ons"} | {
    f"profile.{item}" for item in ("nickname", "gender", "location", "dislikes", "leisure", "occupation")
}


def differences(
    connection: Connection, policy: Policy, expectations: dict[int, Answer], **caller: Any
) -> Iterator[tuple[int, Answer, Answer]]:
    """Compare every world; yield member, expectation and answer where they differ."""
    explainer = Explainer(document_of([policy])[policy.name])
    for number, row in decide(connection, policy, **caller):
        if number not in expectations:
            continue
        expected = only(policy, expectations[number])
        answer = told(explainer, row)
        partial_is_right = bool(expected.absent) or row["partial"] == bool(expected.withheld)
        value_leaks = [] if expected.absent else leaks(policy, row, expected)
        if answer != expected or not partial_is_right or value_leaks:
            yield number, expected, answer


def test_every_webmaster_world(webmaster_store: tuple[Database, dict[int, WebmasterWorld]]) -> None:
    database, worlds = webmaster_store
    expectations = {number: world.answer() for number, world in worlds.items()}

    with database.write.connect() as connection:
        found = list(differences(connection, webmaster.POLICY, expectations, caller_may_read_sensitive=False))

    assert len(expectations) == 768
    assert found == []


@pytest.mark.parametrize("sensitive_scope", [False, True])
def test_every_model_world(model_store: tuple[Database, dict[int, ModelWorld]], sensitive_scope: bool) -> None:
    database, worlds = model_store
    expectations = {number: world.answer(sensitive_scope=sensitive_scope) for number, world in worlds.items()}

    with database.write.connect() as connection:
        found = list(differences(connection, model.POLICY, expectations, caller_may_read_sensitive=sensitive_scope))

    assert len(expectations) == 24 + 1152
    assert found == []


def mutants_of(policy: Policy) -> Iterator[tuple[str, Callable[[], Policy]]]:
    """Every policy that differs from this one by one operator, one dropped or one negated condition.

    A mutant of a field keeps that field alone: what is not mutated is proved right elsewhere.
    """
    for place, atom in enumerate(policy.rows):
        rest = policy.rows[:place] + policy.rows[place + 1 :]
        negated = Atom(atom.name, ~atom.holds, atom.otherwise)
        yield f"rows without {atom.name}", partial(replace, policy, rows=rest)
        yield f"rows with not {atom.name}", partial(replace, policy, rows=(*rest, negated))
    for field in policy.fields:
        if not field.never_withheld:
            for name, condition in mutations(field.when):
                changed = partial(replace_condition, policy, field, condition)
                yield f"{field.name}: {name}", changed


def replace_condition(policy: Policy, field: Field, condition: Condition) -> Policy:
    changed = Field(field.name, field.value, field.shape, condition, field.clause, field.meaning, badge=field.badge)
    return replace(policy, fields=(changed,))


def mutations(condition: Condition) -> Iterator[tuple[str, Condition]]:
    """Conditions that differ from this one in one place."""
    yield "always", ALWAYS
    match condition:
        case Named(part=part):
            yield from mutations(part)
        case Atom(name=name, holds=holds, otherwise=otherwise):
            yield f"not {name}", Atom(f"not_{name}", ~holds, otherwise)
        case All(parts):
            yield "and becomes or", Any_(parts)
            yield from mutated_parts(parts, All)
        case Any_(parts):
            yield "or becomes and", All(parts)
            yield from mutated_parts(parts, Any_)


def mutated_parts(
    parts: tuple[Condition, ...], combine: Callable[[tuple[Condition, ...]], Condition]
) -> Iterator[tuple[str, Condition]]:
    for place, part in enumerate(parts):
        yield f"without part {place}", combine(parts[:place] + parts[place + 1 :])
        for name, mutated in mutations(part):
            yield f"part {place} {name}", combine((*parts[:place], mutated, *parts[place + 1 :]))


def survivors(
    connection: Connection,
    policy: Policy,
    expectations: dict[int, Answer],
    among: Container[str] | None = None,
    **caller: Any,
) -> set[str]:
    """The mutants, or those `among` them, that no world tells from the policy."""
    alive = set()
    for name, make in mutants_of(policy):
        if among is not None and name not in among:
            continue
        try:
            mutant = make()
        except PolicyError:
            continue  # Refused at import: nobody will ever run it.
        if next(differences(connection, mutant, expectations, **caller), None) is None:
            alive.add(name)
    return alive


def test_every_mutant_of_the_webmaster_policy_is_caught(
    webmaster_store: tuple[Database, dict[int, WebmasterWorld]],
) -> None:
    database, worlds = webmaster_store
    expectations = {number: world.answer() for number, world in worlds.items()}

    with database.write.connect() as connection:
        alive = survivors(connection, webmaster.POLICY, expectations, caller_may_read_sensitive=False)

    assert alive == set()


def test_every_mutant_of_the_model_policy_is_caught(model_store: tuple[Database, dict[int, ModelWorld]]) -> None:
    database, worlds = model_store
    expectations = {number: world.answer(sensitive_scope=False) for number, world in worlds.items()}
    granted = {number: world.answer(sensitive_scope=True) for number, world in worlds.items()}

    with database.write.connect() as connection:
        alive = survivors(connection, model.POLICY, expectations, caller_may_read_sensitive=False)
        alive = survivors(connection, model.POLICY, granted, alive, caller_may_read_sensitive=True)

    assert alive == set()
