"""The demo's feed: what is told of the site and its members, as CloudEvents, one a line, in order of time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, groupby
from operator import attrgetter

import orjson

from gateway.demo import stories
from gateway.demo.members import members
from gateway.demo.stories import Told

SOURCE = "/demo"


@dataclass(frozen=True)
class Delivery:
    """The lines of one UTC month, and the instant of the last of them."""

    until: datetime
    lines: bytes


def feed(today: date) -> Iterator[Delivery]:
    """The whole feed, month by month, the same bytes for the same day."""
    told = chain(stories.of_site(today), *(stories.of_member(member, today) for member in members(today)))
    numbered = enumerate(sorted(told, key=attrgetter("at")), start=1)
    for _, month in groupby(numbered, key=lambda each: (each[1].at.year, each[1].at.month)):
        told_then = list(month)
        yield Delivery(told_then[-1][1].at, b"".join(_line(number, each) for number, each in told_then))


def _line(number: int, told: Told) -> bytes:
    return orjson.dumps(_event(number, told), option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)


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
