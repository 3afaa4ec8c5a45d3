"""The body of the feed: CloudEvents, one a line or a batch, with the data of each type (contract §2)."""

from collections.abc import Iterator
from typing import Any

from gateway.api.events import BATCH, LARGEST_BATCH, LINES
from partners.feed.faults import Refused
from partners.feed.fields import Field
from partners.feed.shapes import SHAPES, Shape
from partners.vocabulary import EventType

ENDPOINT = "events.post_events"
Document = dict[str, Any]
_EXAMPLE = (
    '{"specversion":"1.0","source":"/site","id":"e-1","type":"member.registered","time":"2026-10-01T09:30:00Z",'
    '"subject":"m-1001","data":{"username":"night_owl","site":"main","country":"LU"}}\n'
)

BODY: Document = {
    LINES: {
        "schema": {"type": "string", "description": "One `Event` a line; any number of lines, of 64 KiB at most each."},
        "example": _EXAMPLE,
    },
    BATCH: {"schema": {"type": "array", "maxItems": LARGEST_BATCH, "items": {"$ref": "#/components/schemas/Event"}}},
}


def event() -> Document:
    """The schema of an event: one of the types there are."""
    return {"description": "A CloudEvent (1.0), by its type.", "oneOf": [_event(*each) for each in SHAPES.items()]}


def _event(kind: EventType, shape: Shape) -> Document:
    attributes: Document = {
        "specversion": {"const": "1.0"},
        "source": {"type": "string"},
        "id": {"type": "string", "description": "With `source` unique for good: an event is applied once."},
        "type": {"const": kind.value},
        "time": {"type": "string", "format": "date-time", "description": "At most 5 minutes ahead."},
        "data": _data(shape),
    }
    if shape.has_subject:
        attributes["subject"] = {"type": "string", "description": "The platform's id of whom it is about."}
    return {"title": kind.value, "type": "object", "properties": attributes, "required": sorted(attributes)}


def _data(shape: Shape) -> Document:
    return {
        "type": "object",
        "properties": {name: {"description": _says(field)} for name, field in shape.fields.items()},
        "required": [name for name, field in shape.fields.items() if field.required],
        "additionalProperties": False,
    }


def _says(field: Field) -> str:
    said = "; ".join(_sentences(field))
    # Not `capitalize`, which would write ISO in small letters.
    return f"{said[:1].upper()}{said[1:]}."


def _sentences(field: Field) -> Iterator[str]:
    try:
        field.check(None)
    except Refused as refused:
        # What a refusal would say is what there is to know.
        yield refused.fault.detail
    if field.nullable:
        yield "null clears it"
