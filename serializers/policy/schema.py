"""From a policy to its marshmallow schema: the contract, the source of the API description, and the slow path."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from marshmallow import Schema, fields

from serializers.policy.declaration import Field, Policy
from serializers.policy.publish import condition_text
from serializers.policy.shapes import Object, Shape


def schema_of(policy: Policy, name: str) -> type[Schema]:
    """Make the schema of a policy's rows; its keys are the policy's fields and nothing else (R1, R12)."""
    members: dict[str, fields.Field[Any] | dict[str, fields.Field[Any]]] = {}
    for field in policy.fields:
        group, dot, item = field.name.partition(".")
        if dot:
            inner = members.setdefault(group, {})
            if isinstance(inner, dict):
                inner[item] = _described(field)
        else:
            members[group] = _described(field)
    return _schema(name, members)


def _schema(name: str, members: Mapping[str, fields.Field[Any] | dict[str, fields.Field[Any]]]) -> type[Schema]:
    flat = {
        key: Object(_schema(f"{name}{key.title()}", member), required=True) if isinstance(member, dict) else member
        for key, member in members.items()
    }
    return type(name, (Schema,), flat)


def _described(field: Field) -> fields.Field[Any]:
    shape = deepcopy(field.shape)
    shape.required = True
    if not (field.never_withheld or (isinstance(shape, Shape) and shape.speaks_of_null)):
        shape.allow_none = True
    shape.metadata = {
        **shape.metadata,
        "description": field.meaning,
        "x-disclosure": {"when": condition_text(field.when), "clause": field.clause},
    }
    return shape
