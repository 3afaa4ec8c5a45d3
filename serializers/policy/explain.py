"""From a verdict back to reasons, by the stored policy that made it: which fields were released, and why not."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from partners.vocabulary import Reason
from serializers.policy.publish import Document
from serializers.policy.tree import Tree, atoms_in, failing_by, holds

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
        fields = self.document["fields"]
        shown = {name for name, field in fields.items() if self._holds(field["when"], verdict)}
        return Explanation(
            released=tuple(name for name in fields if name in shown),
            withheld={name: self._reasons(fields[name]["when"], verdict) for name in fields if name not in shown},
        )

    def _holds(self, tree: Tree, verdict: int) -> bool:
        return holds(tree, lambda atom: bool(verdict & self.document["atoms"][atom]["bit"]))

    def _reasons(self, tree: Tree, verdict: int) -> tuple[Reason, ...]:
        failing = (atom for atom in atoms_in(tree) if self._holds(failing_by(tree, {atom}), verdict))
        codes = (self.document["atoms"][atom]["otherwise"] for atom in failing)
        return tuple(dict.fromkeys(Reason(code) for code in codes if code))
