"""The closed algebra of conditions: atoms, and their combination with `&`, `|` and `~`. Nothing else decides."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, FunctionElement, and_, not_, or_, true
from sqlalchemy.sql.visitors import HasTraverseInternals

from partners.vocabulary import Reason


class PolicyError(Exception):
    """A policy was declared in a way that could grant by accident; raised at import."""


class Condition:
    """Something that holds or not for one member and one caller, at one instant."""

    def __and__(self, other: "Condition") -> "Condition":
        """Hold where both hold."""
        return All((*_parts(self, All), *_parts(other, All)))

    def __or__(self, other: "Condition") -> "Condition":
        """Hold where either holds."""
        return Any_((*_parts(self, Any_), *_parts(other, Any_)))

    def __invert__(self) -> "Condition":
        """Hold where this does not."""
        return Not(self)


@dataclass(frozen=True, eq=False)
class Atom(Condition):
    """One fact, with the only SQL there is for it. Where it is NULL it does not hold."""

    name: str
    """A sentence, such as `mask_is_public`."""
    holds: ColumnElement[bool]
    otherwise: Reason | None = None
    """Why something is withheld that waits for this fact."""


@dataclass(frozen=True)
class Always(Condition):
    """Holds for everyone: the field is never withheld."""


@dataclass(frozen=True)
class All(Condition):
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Any_(Condition):  # noqa: N801 - `Any` is taken by typing
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Not(Condition):
    """The part does not hold."""

    part: Condition

    def __post_init__(self) -> None:
        """Refuse what could be NULL: `NOT NULL` is NULL in SQL, but a missing bit negated is a grant."""
        for atom in atoms_of(self.part):
            if column := nullable_column(atom.holds):
                raise PolicyError(f"{atom.name} is negated but {column} may be NULL: state it positively")


@dataclass(frozen=True)
class Named(Condition):
    """A combination with a sentence of its own, under which it is published."""

    name: str
    meaning: str
    part: Condition


ALWAYS = Always()


def atoms_of(condition: Condition) -> Iterator[Atom]:
    """Yield the atoms of a condition, in the order they are read, each as often as it stands there."""
    match condition:
        case Atom():
            yield condition
        case All(parts) | Any_(parts):
            for part in parts:
                yield from atoms_of(part)
        case Not(part) | Named(part=part):
            yield from atoms_of(part)


def to_sql(condition: Condition, atom_sql: Callable[[Atom], ColumnElement[bool]]) -> ColumnElement[bool]:
    """Translate a condition; `atom_sql` says what stands for each atom: its own SQL, or a test of its bit."""
    match condition:
        case Atom():
            return atom_sql(condition)
        case All(parts):
            return and_(*(to_sql(part, atom_sql) for part in parts))
        case Any_(parts):
            return or_(*(to_sql(part, atom_sql) for part in parts))
        case Not(part):
            return not_(to_sql(part, atom_sql))
        case Named(part=part):
            return to_sql(part, atom_sql)
        case Always():
            return true()
    raise PolicyError(f"{condition!r} is not part of the algebra")


def nullable_column(expression: HasTraverseInternals) -> str | None:
    """Name a column in the expression that can make it NULL; those inside `coalesce` cannot."""
    if isinstance(expression, FunctionElement) and getattr(expression, "name", None) == "coalesce":
        return None
    if isinstance(expression, Column):
        return str(expression) if expression.nullable else None
    found = (nullable_column(child) for child in expression.get_children())
    return next((name for name in found if name is not None), None)


def _parts(condition: Condition, kind: type[Any]) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, kind) else (condition,)
