"""The log beside a proxy's: what was answered without a record, and what is on record without a request."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from partners.access_log.identifiers import REQUEST_PREFIX, instant_of, parse
from partners.access_log.search import LONGEST_REQUEST
from partners.tables.access import NETWORK_OF_THE_RECORD, access_log, access_network

_LINE = re.compile(r"(req_[0-9a-f]{32})\b\D*\b([1-5][0-9]{2})\b")
_MILLISECOND = timedelta(milliseconds=1)
"""As exactly as ids tell when a request came."""
_FIRST_SUCCESS, _FIRST_REDIRECT = 200, 300


@dataclass(frozen=True)
class Difference:
    """A request that one of the two does not know."""

    request_id: str
    is_recorded: bool
    """Whether the access log has it; the proxy has it otherwise."""


@dataclass(frozen=True)
class ProxyLog:
    """What a proxy's log has of requests."""

    requests: dict[str, int]
    """Statuses by request id."""
    others: int
    """Lines without an id and a status, blank ones aside."""


def answered(lines: Iterable[str]) -> ProxyLog:
    """Request ids and statuses of a proxy's log: in each line the first id, and the number that comes next."""
    requests, others = dict[str, int](), 0
    for line in lines:
        if match := _LINE.search(line):
            requests[match[1]] = int(match[2])
        elif line.strip():
            others += 1
    return ProxyLog(requests, others)


def differences(connection: Connection, requests: dict[str, int]) -> Iterator[Difference]:
    """Compare over the time that the proxy's log covers, told by its request ids.

    A success (2xx) without a record is the gravest thing there is. A record without a request was not made by a
    request that came through the proxy; what operators and background work did at the machine is left out.
    """
    times = [instant_of(each) for each in (parse(REQUEST_PREFIX, request) for request in requests) if each]
    recorded = _recorded(connection, min(times), max(times)) if times else {}
    for request, status in requests.items():
        if _FIRST_SUCCESS <= status < _FIRST_REDIRECT and request not in recorded:
            yield Difference(request, is_recorded=False)
    for request, by_request in recorded.items():
        if by_request and request not in requests:
            yield Difference(request, is_recorded=True)


def _recorded(connection: Connection, since: datetime, until: datetime) -> dict[str, bool]:
    """Ids on record, and whether a request within the time must have made them."""
    rows = connection.execute(
        select(access_log.c.request_id, access_log.c.at, made_by_request().label("by_request"))
        .outerjoin(access_network, NETWORK_OF_THE_RECORD)
        .where(access_log.c.at.between(since, until + LONGEST_REQUEST))
    )
    return {row.request_id: row.by_request and row.at < until + _MILLISECOND for row in rows}


def made_by_request() -> ColumnElement[bool]:
    """Whether a request made a record, of whose network data there may be none: the gateway was asked, and by somebody.

    Operators have no audience, and background work that has one is no client's.
    """
    asked = and_(access_log.c.audience.is_not(None), access_log.c.client.is_not(None))
    return or_(access_network.c.ip.is_not(None), asked)
