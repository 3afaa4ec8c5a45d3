"""The fields of an entry one by one: released or withheld, why, and by which clause."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from serializers.policy.explain import Explainer


class FieldTold(NamedTuple):
    """What an entry says of one field of its policy."""

    name: str
    is_released: bool
    """For at least one member."""
    withheld: Mapping[str, int]
    """For how many members, by reason."""
    clause: str
    shown: str
    """When the policy shows it."""
    meaning: str
    is_sensitive: bool


def explained(entry: Mapping[str, Any], explainer: Explainer | None) -> list[FieldTold]:
    """The fields of an entry that `serializers.audit.entry` shaped, in the policy's order; none without members."""
    if explainer is None or not entry["member_count"]:
        return []
    fields = explainer.document["fields"]
    return [
        FieldTold(
            name,
            name in entry["fields_released"],
            entry["fields_withheld"].get(name, {}),
            field["clause"],
            field["shown"],
            field["meaning"],
            name in explainer.sensitive([name]),
        )
        for name, field in fields.items()
    ]
