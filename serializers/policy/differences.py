"""What changed between two versions of the policy: audience by audience, field by field, condition by condition."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serializers.policy.publish import Document

_OF_FIELDS = ("shown", "clause", "reasons", "meaning", "badge", "columns")


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was; nothing where it was not there, or is not any more."""

    what: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class AudienceChanges:
    """What changed for one audience."""

    name: str
    title: str
    changes: tuple[Change, ...]


def differences(before: Mapping[str, Document], after: Mapping[str, Document]) -> list[AudienceChanges]:
    """Compare two whole documents; audiences for which nothing changed are left out."""
    found = []
    for name in [*after, *(name for name in before if name not in after)]:
        old, new = before.get(name), after.get(name)
        changes = tuple(_changes(old or {}, new or {}))
        if changes:
            found.append(AudienceChanges(name, (new or old or {})["title"], changes))
    return found


def _changes(old: Document, new: Document) -> list[Change]:
    parts = {
        "operations": "operations",
        "purpose": "purpose",
        "caller": "asked of the caller",
        "rows": "a member exists if",
    }
    found = [
        Change(words, _said(old.get(part)), _said(new.get(part)))
        for part, words in parts.items()
        if old.get(part) != new.get(part)
    ]
    for name in _names(old, new, "fields"):
        found += _of_field(name, old.get("fields", {}).get(name), new.get("fields", {}).get(name))
    for name in _names(old, new, "atoms"):
        found += _of_condition(name, old.get("atoms", {}).get(name), new.get("atoms", {}).get(name))
    return found


def _of_field(name: str, old: Document | None, new: Document | None) -> list[Change]:
    if old is None or new is None:
        return [Change(f"field {name}", _shown(old), _shown(new))]
    return [
        Change(f"field {name}, {part}", _said(old.get(part)), _said(new.get(part)))
        for part in _OF_FIELDS
        if old.get(part) != new.get(part)
    ]


def _of_condition(name: str, old: Document | None, new: Document | None) -> list[Change]:
    """A condition's bit may move without a change of meaning: records are explained by their own version."""
    words = f"condition {name.replace('_', ' ')}"
    if old is None or new is None:
        return [Change(words, _said(old and old["sql"]), _said(new and new["sql"]))]
    return [
        Change(f"{words}, {part}", _said(old.get(key)), _said(new.get(key)))
        for key, part in (("sql", "what it means"), ("otherwise", "reason"))
        if old.get(key) != new.get(key)
    ]


def _names(old: Document, new: Document, part: str) -> list[str]:
    return list(dict.fromkeys([*new.get(part, {}), *old.get(part, {})]))


def _shown(field: Document | None) -> str | None:
    return None if field is None else f"shown {'when ' if field['shown'] != 'always' else ''}{field['shown']}"


def _said(value: Any) -> str | None:  # noqa: ANN401 - a JSON value
    match value:
        case None:
            return None
        case dict():
            return "; ".join(f"{name}: {_said(part)}" for name, part in value.items())
        case list():
            return ", ".join(" ".join(map(str, part)) if isinstance(part, list) else str(part) for part in value)
    return str(value)
