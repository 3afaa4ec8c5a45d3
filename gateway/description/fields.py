"""From our own marshmallow fields to JSON Schema: what `apispec` cannot know of them."""

from collections.abc import Mapping
from typing import Any

from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import Schema, fields

from partners.vocabulary import Metric, StatisticsGroup
from serializers.audit import Term
from serializers.income import Month
from serializers.policy.shapes import Badge
from serializers.queries import Zone
from serializers.statistics import MOST_GROUPS, Chosen, Groups, Order

JsonSchema = dict[str, Any]


class Previewed(fields.Field[Any]):
    """What a partner would get: a webmaster's row, a model's card, or null."""


_GROUP = "|".join(StatisticsGroup)
_SORTED_BY = "|".join((*StatisticsGroup, *Metric))
_OWN: Mapping[type[fields.Field[Any]], JsonSchema] = {
    Zone: {"type": "string", "default": "UTC", "example": "Europe/Luxembourg"},
    Groups: {
        "type": "string",
        "default": StatisticsGroup.DAY.value,
        "pattern": f"^({_GROUP})(,({_GROUP})){{0,{MOST_GROUPS - 1}}}$",
        "example": "day,campaign",
    },
    Chosen: {"type": "string", "pattern": "^-?[^,]+(,-?[^,]+)*$"},
    Order: {"type": "string", "pattern": f"^-?({_SORTED_BY})$", "example": "-income"},
    Month: {"type": "string", "pattern": "^(19[7-9]|[2-9][0-9]{2})[0-9]-(0[1-9]|1[0-2])$", "example": "2026-10"},
    # Not an enum of true and null: makers of clients know enums of strings and numbers alone.
    Badge: {"not": {"const": False}},
    Term: {"pattern": r"^[^\u0000]+$"},
    Previewed: {
        "anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("MemberRow", "Card")] + [{"type": "null"}]
    },
    fields.IPInterface: {"type": "string", "example": "192.0.2.0/24"},
}

CHOICE = "A comma list: these alone or, with a leading `-`, all but these."
MEANINGS = {
    "limit": "How many at most.",
    "cursor": "`page.next_cursor` of the page before; repeat all other parameters unchanged.",
    "since": "`meta.watermark` of an earlier answer: everything recorded after it, in order of recording.",
    "from": "The first day.",
    "to": "The last day, included.",
    "timezone": "IANA. Dates are whole local days in it.",
    "campaign": "A campaign's code.",
    "site": "A site's name.",
    "country": "ISO 3166-1 alpha-2.",
    "device_type": "A kind of device.",
    "currency": "ISO 4217.",
    "registered_from": "The first UTC day of registration.",
    "registered_to": "The last UTC day of registration, included.",
    "sort": "What to sort by; descending with a leading `-`.",
    "group_by": "What makes a row: a comma list of up to four. The `sub` groups need `members:read` too.",
    "username": "Which members, in this order; given once for each of up to 100. Nothing else beside it.",
    "relation": "By what the model and the members are related; page by page.",
    "month": "A UTC calendar month; without it all that are final.",
    "format": "How an entry is written.",
    "as": "`webmaster`, or `model:` and her id.",
}
"""Parameters of the query that do not describe themselves."""

IN_PATH: Mapping[str, JsonSchema] = {
    "ref": {"description": "A member, as `ref` names it to this webmaster.", "example": "mbr_3kPZy0q2Wq0fTn1Vh8xJ2A"},
    "username": {"description": "A member, by username; case does not count.", "example": "night_owl"},
    "member_id": {"description": "A member, by the platform's own id.", "example": "m-1001"},
    "request_id": {"description": "A member's request.", "example": "rrq_0198c0de5a7b7c1e8f00a1b2c3d4e5f6"},
    "alert_id": {"description": "An alert.", "example": "alr_0198c0de5a7b7c1e8f00a1b2c3d4e5f6"},
    "access_id": {"description": "An entry of the access log.", "example": "acc_0198c0de5a7b7c1e8f00a1b2c3d4e5f6"},
}
"""What stands in paths, by name."""


def teach(converter: OpenAPIConverter) -> None:
    """Make a converter know our fields."""
    converter.add_attribute_function(_own)  # type: ignore[no-untyped-call]


def component_name(schema: Schema | type[Schema] | str) -> str:
    """The name under which a schema stands among the components."""
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.__name__.removesuffix("Schema")


def _own(_converter: OpenAPIConverter, field: fields.Field[Any], ret: JsonSchema) -> JsonSchema:
    own = next((_OWN[kind] for kind in type(field).__mro__ if kind in _OWN), {})
    said = dict(own)
    if isinstance(field, fields.Integer):
        said["format"] = "int64"
    if isinstance(field, Chosen):
        said["description"] = CHOICE
    if isinstance(field, fields.Enum):
        said["type"] = ["string", "null"] if field.allow_none else "string"
    if "pattern" in ret and "pattern" not in own:
        # Python's anchors are not those of ECMA 262, which JSON Schema speaks.
        said["pattern"] = ret["pattern"].replace(r"\A", "^").replace(r"\Z", "$").replace(r"\0", r"\u0000")
    return said
