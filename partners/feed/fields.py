"""Reading an object key by key: unknown keys first, then what is missing, then each value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from partners.feed.faults import Refused, invalid_value
from partners.feed.values import Check
from partners.vocabulary import FeedError


@dataclass(frozen=True)
class Field:
    """A key: how its value is checked, whether it must be there, and whether `null` and "" clear it."""

    check: Check
    required: bool = False
    nullable: bool = False


Fields = Mapping[str, Field]
Values = dict[str, Any]


def read_fields(fields: Fields, data: Mapping[str, Any]) -> Values:
    """Return the checked values of the keys that are there; raise `Refused` on the first fault."""
    if not data.keys() <= fields.keys():
        raise Refused(FeedError.UNKNOWN_FIELD, f"has a key that is none of {', '.join(fields)}")
    read: Values = {}
    for name, field in fields.items():
        if name in data:
            read[name] = _value(name, field, data[name])
        elif field.required:
            raise invalid_value(f"`{name}` is missing")
    return read


def object_of(fields: Fields) -> Check:
    """An object with some of these keys."""

    def check(value: object) -> Values:
        if isinstance(value, dict):
            return read_fields(fields, value)
        raise invalid_value(f"must be an object with any of {', '.join(fields)}")

    return check


def _value(name: str, field: Field, value: object) -> object:
    if field.nullable and (value is None or value == ""):
        return None
    try:
        return field.check(value)
    except Refused as refused:
        raise Refused(refused.fault.code, f"`{name}` {refused.fault.detail}") from None
