"""How a policy is declared: an audience, the rows it may see, and field by field the condition and the clause."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from marshmallow import fields as marshmallow_fields
from sqlalchemy import Column, ColumnElement, FromClause

from partners.vocabulary import PartnerKind, Purpose, Reason
from serializers.policy.conditions import Atom, Condition, PolicyError, atoms_of

LARGEST_NUMBER_OF_ATOMS = 62
"""A verdict is a signed 64-bit integer."""


@dataclass(frozen=True, eq=False)
class Field:
    """One thing a partner may learn."""

    name: str
    """As partners read it; items of an object are dotted, such as `profile.age`."""
    value: ColumnElement[Any] | Mapping[str, ColumnElement[Any]]
    """The column, or for an object its columns by name."""
    shape: marshmallow_fields.Field[Any]
    when: Condition
    clause: str
    """The rules that permit it, such as `R16, R17`."""
    meaning: str
    """One sentence for partners and for members."""
    badge: bool = False
    """A flag that a member can switch off: `true` or null, never `false` (R15, R61)."""
    never_withheld: bool = field(init=False)

    def __post_init__(self) -> None:
        """Note whether anything is ever withheld: only such fields may be filtered and sorted by."""
        object.__setattr__(self, "never_withheld", not any(atoms_of(self.when)))

    def columns(self) -> Iterator[tuple[str, ColumnElement[Any]]]:
        """Yield the dotted name and value of each column the field is made of."""
        if isinstance(self.value, Mapping):
            for part, column in self.value.items():
                yield f"{self.name}.{part}", column
        else:
            yield self.name, self.value


@dataclass(frozen=True, eq=False)
class Policy:
    """What one audience may learn about a member."""

    name: str
    """What the policy is about, such as `webmaster` or `webmaster.purchases`."""
    title: str
    """The heading it is published under."""
    audience: PartnerKind
    operations: tuple[str, ...]
    """The operations that release under it: by them a recorded verdict finds its policy again."""
    purpose: Purpose
    source: FromClause
    """The joined tables that rows are read from; one row a member."""
    member: Column[int]
    """The member's number: the subject of the record."""
    rows: tuple[Atom, ...]
    """All must hold, or the member does not exist for this caller; in the order in which the log names them."""
    fields: tuple[Field, ...]
    caller: tuple[tuple[str, str], ...] = ()
    """What is asked of the caller before any row, as sentences with their clause, for the published matrix."""

    def __post_init__(self) -> None:
        """Refuse a declaration with two fields of one name, too many atoms, or an atom of two meanings."""
        names = [each.name for each in self.fields]
        if len(set(names)) != len(names):
            raise PolicyError(f"the {self.name} policy names a field twice")
        if len(self.atoms) > LARGEST_NUMBER_OF_ATOMS:
            raise PolicyError(f"the {self.name} policy has more than {LARGEST_NUMBER_OF_ATOMS} atoms")
        if len({atom.name for atom in self.atoms}) != len(self.atoms):
            raise PolicyError(f"two atoms of the {self.name} policy share a name")
        for each in self.fields:
            if not each.never_withheld and not any(atom.otherwise for atom in atoms_of(each.when)):
                raise PolicyError(f"{each.name} can be withheld without a reason")

    @cached_property
    def atoms(self) -> tuple[Atom, ...]:
        """Every atom once: first those of the rows, then those of the fields in order of appearance."""
        return tuple(_once((*self.rows, *(atom for each in self.fields for atom in atoms_of(each.when)))))

    @cached_property
    def bits(self) -> Mapping[Atom, int]:
        """The bit of each atom in a verdict."""
        return {atom: 1 << position for position, atom in enumerate(self.atoms)}

    def reason_of(self, atom: Atom) -> Reason:
        """Why a row is missing whose atom does not hold."""
        if atom.otherwise is None:
            raise PolicyError(f"{atom.name} decides over rows and needs a reason")
        return atom.otherwise


def _once(atoms: Iterable[Atom]) -> Iterator[Atom]:
    seen: set[int] = set()
    for atom in atoms:
        if id(atom) not in seen:
            seen.add(id(atom))
            yield atom
