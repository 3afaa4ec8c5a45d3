"""From a line to a checked event, or to what is wrong with it: all that needs no knowledge of what is stored."""

from datetime import datetime
from typing import NamedTuple

import orjson

from partners.feed.envelope import Envelope, read_envelope, readable_id, refuse_forbidden_names
from partners.feed.events import Content, Event
from partners.feed.faults import Fault, Refused
from partners.feed.fields import read_fields
from partners.feed.lines import LONGEST_LINE, Line
from partners.feed.shapes import SHAPES
from partners.vocabulary import EventType, FeedError

_TYPES = {str(type_): type_ for type_ in EventType}
_TOO_LONG = Fault(FeedError.INVALID_EVENT, f"an event may have {LONGEST_LINE // 1024} KiB at most")


class Checked(NamedTuple):
    """A line after the check: its event or its fault, and what of its identity could be read."""

    line: int
    id: str | None
    digest: str | None
    """Nothing where the envelope is at fault: such a line is no repeat of anything."""
    found: Event[Content] | Fault


def check_line(line: Line, *, now: datetime) -> Checked:
    """Check one line of the feed."""
    if line.text is None:
        return Checked(line.number, None, None, _TOO_LONG)
    try:
        document = orjson.loads(line.text)
    except orjson.JSONDecodeError:
        return Checked(line.number, None, None, Fault(FeedError.INVALID_JSON, "the line is not JSON"))
    return check_document(line.number, document, now=now)


def check_document(number: int, document: object, *, now: datetime) -> Checked:
    """Check one event that is parsed already; forbidden names come before any other fault."""
    try:
        refuse_forbidden_names(document)
        envelope = read_envelope(document, now=now)
    except Refused as refused:
        return Checked(number, readable_id(document), None, refused.fault)
    try:
        return Checked(number, envelope.id, envelope.digest, _event(envelope, now))
    except Refused as refused:
        return Checked(number, envelope.id, envelope.digest, refused.fault)


def check_element(number: int, document: object, *, now: datetime) -> Checked:
    """Check one event of a batch, which may be no longer than a line."""
    checked = check_document(number, document, now=now)
    if isinstance(checked.found, Event) and _size(document) > LONGEST_LINE:
        return Checked(number, checked.id, None, _TOO_LONG)
    return checked


def _size(document: object) -> int:
    try:
        return len(orjson.dumps(document))
    except orjson.JSONEncodeError:
        # Nested more deeply than is written: nothing of an event is, only what is passed over.
        return 0


def _event(envelope: Envelope, now: datetime) -> Event[Content]:
    type_ = _TYPES.get(envelope.type)
    if type_ is None:
        raise Refused(FeedError.UNKNOWN_TYPE, "the gateway does not know this `type`")
    shape = SHAPES[type_]
    if shape.has_subject and envelope.subject is None:
        raise Refused(FeedError.INVALID_EVENT, f"{type_} needs a `subject`")
    content = shape.build(read_fields(shape.fields, envelope.data), now)
    return Event(envelope.digest, envelope.subject or "", envelope.time, envelope.stamp, content)
