"""The tree of a condition in a policy document: when it holds, and when it fails because of some of its atoms.

What is told of a recorded verdict and what a search finds both follow from it, each version of the policy by itself.
"""

from collections.abc import Callable, Container, Iterator
from typing import Any

Tree = Any
"""True, an atom's name, or an object with `all`, `any` or `not`."""
NEVER: Tree = {"any": []}


def holds(tree: Tree, atom_holds: Callable[[str], bool]) -> bool:
    """Whether a condition holds, by which of its atoms do."""
    match tree:
        case True:
            return True
        case str(atom):
            return atom_holds(atom)
        case {"not": part}:
            return not holds(part, atom_holds)
        case {"all": parts}:
            return all(holds(part, atom_holds) for part in parts)
        case {"any": parts}:
            return any(holds(part, atom_holds) for part in parts)
    raise ValueError(f"not a condition: {tree!r}")


def failing_by(tree: Tree, atoms: Container[str]) -> Tree:
    """The condition that another fails, and that one of these atoms is among what it fails by."""
    match tree:
        case True:
            return NEVER
        case str(atom):
            return {"not": atom} if atom in atoms else NEVER
        case {"not": part}:
            return part if any(atom in atoms for atom in atoms_in(part)) else NEVER
        case {"all": parts}:
            return {"any": [failing_by(part, atoms) for part in parts]}
        case {"any": parts}:
            return {"all": [{"not": tree}, {"any": [failing_by(part, atoms) for part in parts]}]}
    raise ValueError(f"not a condition: {tree!r}")


def atoms_in(tree: Tree) -> Iterator[str]:
    """Yield the atoms of a condition, in the order they are read, each as often as it stands there."""
    match tree:
        case str(atom):
            yield atom
        case {"not": part}:
            yield from atoms_in(part)
        case {"all": parts} | {"any": parts}:
            for part in parts:
                yield from atoms_in(part)
