"""Recorded verdicts under every policy version there was: explained one by one, and searched by field and reason."""

from collections.abc import Callable, Mapping

from sqlalchemy import BigInteger, ColumnElement, and_, cast, exists, false, not_, or_, select, true

from partners.access_log.summary import pairs_in
from partners.postgres.literals import number_literal
from partners.tables.access import access_log
from serializers.policy.explain import Explainer
from serializers.policy.publish import Document
from serializers.policy.tree import NEVER, Tree, failing_by

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
        never: Document = {"when": NEVER}
        return self._verdicts_where(lambda document: _holds(document, document["fields"].get(name, never)["when"]))

    def withheld_for(self, reason: str, name: str | None = None) -> ColumnElement[bool]:
        """Entries in which a field (this one, or any) was withheld for this reason."""

        def condition(document: Document) -> ColumnElement[bool]:
            chosen = [field for key, field in document["fields"].items() if name in {None, key}]
            giving_it = {atom for atom, told in document["atoms"].items() if told["otherwise"] == reason}
            return or_(false(), *(_holds(document, failing_by(field["when"], giving_it)) for field in chosen))

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
