"""Recorded verdicts under every policy version there was: explained one by one, and searched by field and reason."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, cast, exists, false, not_, or_, select, true

from partners.access_log.summary import pairs_in
from partners.literals import number_literal
from partners.tables.access import access_log
from serializers.policy.explain import Explainer
from serializers.policy.publish import Document

Tree = Any
"""A condition in a document: true, an atom's name, or an object with `all`, `any` or `not`."""

_GROUP = pairs_in(access_log.c.verdicts, "verdict_group")


class Policies:
    """Every policy version on record, to explain the verdicts it made."""

    def __init__(self, documents: Mapping[str, Document]) -> None:
        """Take the documents by version."""
        self._explainers = {
            (version, name): Explainer(document)
            for version, policies in documents.items()
            for name, document in policies.items()
        }
        self._by_operation = {
            (version, operation): explainer
            for (version, _), explainer in self._explainers.items()
            for operation in explainer.document["operations"]
        }

    def explainer(self, version: str | None, operation: str) -> Explainer | None:
        """Return what explains the verdicts of an entry; nothing where no policy was asked."""
        return self._by_operation.get((version or "", operation))

    def field_names(self) -> set[str]:
        """Every field that any version ever had."""
        return {name for explainer in self._explainers.values() for name in explainer.document["fields"]}

    def knows_field(self, name: str) -> bool:
        """Whether any version ever had this field."""
        return any(name in explainer.document["fields"] for explainer in self._explainers.values())

    def field_released(self, name: str) -> ColumnElement[bool]:
        """Entries in which this field was released for at least one member."""
        never: Document = {"when": {"any": []}}
        return self._verdicts_where(lambda document: _holds(document, document["fields"].get(name, never)["when"]))

    def withheld_for(self, reason: str, name: str | None = None) -> ColumnElement[bool]:
        """Entries in which a field (this one, or any) was withheld for this reason."""

        def condition(document: Document) -> ColumnElement[bool]:
            chosen = [field for key, field in document["fields"].items() if name in {None, key}]
            return or_(false(), *(_fails_for(document, field["when"], reason) for field in chosen))

        return self._verdicts_where(condition)

    def _verdicts_where(self, condition: Callable[[Document], ColumnElement[bool]]) -> ColumnElement[bool]:
        each = []
        for (version, _), explainer in self._explainers.items():
            some = select(number_literal(1)).select_from(_GROUP).where(condition(explainer.document))
            each.append(
                and_(
                    access_log.c.policy_version == version,
                    access_log.c.operation.in_(explainer.document["operations"]),
                    exists(some.correlate(access_log)),
                )
            )
        return or_(false(), *each)


def _bit(document: Document, atom: str) -> ColumnElement[bool]:
    verdict = cast(_GROUP.c.value.op("->")(number_literal(0)), BigInteger)
    return verdict.bitwise_and(number_literal(document["atoms"][atom]["bit"])) != number_literal(0)


def _holds(document: Document, tree: Tree) -> ColumnElement[bool]:
    match tree:
        case True:
            return true()
        case str(atom):
            return _bit(document, atom)
        case {"not": part}:
            return not_(_holds(document, part))
        case {"all": parts}:
            return and_(true(), *(_holds(document, part) for part in parts))
        case {"any": parts}:
            return or_(false(), *(_holds(document, part) for part in parts))
    raise ValueError(f"not a condition: {tree!r}")


def _fails_for(document: Document, tree: Tree, reason: str) -> ColumnElement[bool]:
    """Whether a condition fails, and an atom with this reason is among what it fails for."""
    match tree:
        case True:
            return false()
        case str(atom):
            gives_it = document["atoms"][atom]["otherwise"] == reason
            return not_(_bit(document, atom)) if gives_it else false()
        case {"not": part}:
            return _holds(document, part) if reason in _reasons(document, part) else false()
        case {"all": parts}:
            return or_(false(), *(_fails_for(document, part, reason) for part in parts))
        case {"any": parts}:
            none_holds = not_(_holds(document, tree))
            return and_(none_holds, or_(false(), *(_fails_for(document, part, reason) for part in parts)))
    raise ValueError(f"not a condition: {tree!r}")


def _reasons(document: Document, tree: Tree) -> set[str]:
    if isinstance(tree, str):
        return {document["atoms"][tree]["otherwise"]}
    parts = [tree["not"]] if "not" in tree else tree.get("all") or tree["any"]
    return {reason for part in parts for reason in _reasons(document, part)}
