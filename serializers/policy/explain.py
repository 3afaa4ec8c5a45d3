"""From a verdict back to reasons, by the stored policy that made it: which fields were released, and why not."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from partners.vocabulary import Reason
from serializers.policy.publish import Document

SENSITIVE = "R24"
"""The clause of what speaks of sexual interests, in every version of the policy."""


@dataclass(frozen=True)
class Explanation:
    """What a verdict means, field by field."""

    released: tuple[str, ...]
    withheld: dict[str, tuple[Reason, ...]]


@dataclass(frozen=True)
class Explainer:
    """Reads the verdicts of one audience under one version of the policy."""

    document: Document
    """The audience's part of the policy document."""

    @cached_property
    def _known(self) -> dict[int, Explanation]:
        return {}

    def explain(self, verdict: int) -> Explanation:
        """Say what a verdict means; each distinct verdict is worked out once."""
        known = self._known.get(verdict)
        if known is None:
            known = self._known[verdict] = self._work_out(verdict)
        return known

    def totals(self, verdicts: Iterable[tuple[int, int]]) -> tuple[list[str], dict[str, dict[str, int]]]:
        """Over pairs of verdict and count: the fields released for at least one, and the withheld with counts."""
        released: set[str] = set()
        withheld: dict[str, Counter[str]] = {}
        for verdict, count in verdicts:
            explanation = self.explain(verdict)
            released.update(explanation.released)
            for field, reasons in explanation.withheld.items():
                withheld.setdefault(field, Counter()).update({reason.value: count for reason in reasons})
        in_order = self.document["fields"]
        return (
            [field for field in in_order if field in released],
            {field: dict(withheld[field]) for field in in_order if field in withheld},
        )

    def sensitive(self, names: Iterable[str]) -> list[str]:
        """Of some fields, those that the log marks (R24)."""
        fields = self.document["fields"]
        return [name for name in names if SENSITIVE in fields[name]["clause"].split(", ")]

    def _work_out(self, verdict: int) -> Explanation:
        failing = {name: self._failing(field["when"], verdict) for name, field in self.document["fields"].items()}
        return Explanation(
            released=tuple(name for name, atoms in failing.items() if atoms is None),
            withheld={name: self._reasons(atoms) for name, atoms in failing.items() if atoms is not None},
        )

    def _failing(self, tree: Any, verdict: int) -> list[str] | None:  # noqa: ANN401 - a JSON value
        """The atoms because of which a condition does not hold, or None if it does."""
        match tree:
            case True:
                return None
            case str(atom):
                return None if self._holds(atom, verdict) else [atom]
            case {"not": part}:
                return None if self._failing(part, verdict) is not None else self._atoms(part)
            case {"all": parts}:
                failing = [atoms for part in parts if (atoms := self._failing(part, verdict)) is not None]
                return [atom for atoms in failing for atom in atoms] if failing else None
            case {"any": parts}:
                tried = [self._failing(part, verdict) for part in parts]
                return None if None in tried else [atom for atoms in tried for atom in atoms or ()]
        raise ValueError(f"not a condition: {tree!r}")

    def _atoms(self, tree: Any) -> list[str]:  # noqa: ANN401 - a JSON value
        if isinstance(tree, str):
            return [tree]
        parts = [tree["not"]] if "not" in tree else tree.get("all") or tree["any"]
        return [atom for part in parts for atom in self._atoms(part)]

    def _holds(self, atom: str, verdict: int) -> bool:
        return bool(verdict & self.document["atoms"][atom]["bit"])

    def _reasons(self, atoms: Iterable[str]) -> tuple[Reason, ...]:
        codes = (self.document["atoms"][atom]["otherwise"] for atom in atoms)
        return tuple(dict.fromkeys(Reason(code) for code in codes if code))
