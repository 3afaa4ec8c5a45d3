"""The demo's feed: what is told of the site and its members, as CloudEvents, one a line, in order of time."""

from collections.abc import Iterator
from datetime import date
from itertools import chain
from operator import attrgetter

import orjson

from gateway.demo import stories
from gateway.demo.members import members
from gateway.demo.stories import Told

SOURCE = "/demo"


def feed(today: date) -> bytes:
    """The whole feed, the same bytes for the same day."""
    return b"".join(_lines(today))


def _lines(today: date) -> Iterator[bytes]:
    told = chain(stories.of_site(today), *(stories.of_member(member, today) for member in members(today)))
    for number, each in enumerate(sorted(told, key=attrgetter("at")), start=1):
        yield orjson.dumps(_event(number, each), option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)


def _event(number: int, told: Told) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "source": SOURCE,
        "id": f"{number:06}",
        "type": told.type,
        "time": told.at,
        **({"subject": told.subject} if told.subject else {}),
        "data": told.data,
    }
