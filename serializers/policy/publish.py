"""A policy as a document: canonical JSON whose hash is the version, and the disclosure matrix for people."""

import hashlib
from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Dialect
from sqlalchemy.dialects import postgresql

from serializers.policy.conditions import All, Always, Any_, Atom, Condition, Named, Not, PolicyError, atoms_of
from serializers.policy.declaration import Field, Policy

Document = dict[str, Any]
HASH_DIGITS = 12
_DIALECT: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


def document_of(policies: Iterable[Policy]) -> Document:
    """Everything that decides over a disclosure, as plain JSON: conditions, their SQL, reasons, clauses."""
    return {policy.name: _policy(policy) for policy in policies}


def version_of(document: Document) -> str:
    """The version a decision is logged under (R31): the first 12 hex digits of the canonical document's SHA-256."""
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()[:HASH_DIGITS]


def condition_text(condition: Condition) -> str:
    """A condition as a sentence."""
    match condition:
        case Always():
            return "always"
        case Atom(name=name) | Named(name=name):
            return name.replace("_", " ")
        case Not(part):
            return f"not {condition_text(part)}"
        case All(parts):
            return " and ".join(_bracketed(part) for part in parts)
        case Any_(parts):
            return " or ".join(_bracketed(part) for part in parts)
    raise PolicyError(f"{condition!r} is not part of the algebra")


def reasons_of(field: Field) -> list[str]:
    """Every reason for which a field can be withheld."""
    return list(dict.fromkeys(atom.otherwise for atom in atoms_of(field.when) if atom.otherwise))


def markdown(document: Document, version: str) -> str:
    """The disclosure matrix: audience by audience, which field, under which condition, by which clause."""
    lines = [f"# Disclosure policy `{version}`", ""]
    for policy in document.values():
        operations = ", ".join(f"`{operation}`" for operation in policy["operations"])
        lines += [f"## {policy['title']}", "", f"Operations: {operations}. Purpose: `{policy['purpose']}`.", ""]
        lines += ["Asked of the caller:", "", *(f"- {sentence} ({clause})" for sentence, clause in policy["caller"])]
        lines += [
            "",
            "A member exists for the caller only if all of these hold; otherwise the answer is the one 404:",
            "",
        ]
        lines += [
            f"- {atom.replace('_', ' ')} (else `{policy['atoms'][atom]['otherwise']}`)" for atom in policy["rows"]
        ]
        lines += ["", "| field | shown when | withheld as | clause | meaning |", "|---|---|---|---|---|"]
        lines += [_line(name, field) for name, field in policy["fields"].items()]
        lines += ["", *(f"*{name.replace('_', ' ')}*: {meaning}." for name, meaning in policy["named"].items()), ""]
    return "\n".join(lines)


def _line(name: str, field: Document) -> str:
    reasons = ", ".join(f"`{reason}`" for reason in field["reasons"]) or "never"
    return f"| `{name}` | {field['shown']} | {reasons} | {field['clause']} | {field['meaning']} |"


def _policy(policy: Policy) -> Document:
    return {
        "title": policy.title,
        "audience": policy.audience,
        "operations": list(policy.operations),
        "purpose": policy.purpose,
        "caller": [list(line) for line in policy.caller],
        "rows": [atom.name for atom in policy.rows],
        "atoms": {
            atom.name: {"bit": bit, "otherwise": atom.otherwise, "sql": _sql(atom.holds)}
            for atom, bit in policy.bits.items()
        },
        "named": {field.when.name: field.when.meaning for field in policy.fields if isinstance(field.when, Named)},
        "fields": {
            field.name: {
                "columns": {name: _sql(column) for name, column in field.columns()},
                "when": _tree(field.when),
                "shown": condition_text(field.when),
                "reasons": reasons_of(field),
                "clause": field.clause,
                "meaning": field.meaning,
                "badge": field.badge,
            }
            for field in policy.fields
        },
    }


def _tree(condition: Condition) -> Any:  # noqa: ANN401 - a JSON value
    match condition:
        case Always():
            return True
        case Atom(name=name):
            return name
        case Not(part):
            return {"not": _tree(part)}
        case Named(part=part):
            return _tree(part)
        case All(parts):
            return {"all": [_tree(part) for part in parts]}
        case Any_(parts):
            return {"any": [_tree(part) for part in parts]}
    raise PolicyError(f"{condition!r} is not part of the algebra")


def _sql(expression: ColumnElement[Any]) -> str:
    return " ".join(str(expression.compile(dialect=_DIALECT)).split())


def _bracketed(condition: Condition) -> str:
    text = condition_text(condition)
    return f"({text})" if isinstance(condition, All | Any_) else text
