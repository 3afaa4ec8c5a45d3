"""Sealed records beside what the log knows of them: each column that can be searched must stand in the sealed bytes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Select,
    Subquery,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from partners.access_log.expected import COLUMNS, expected_bytes
from partners.access_log.findings import Kind
from partners.access_log.identifiers import ACCESS_PREFIX
from partners.access_log.merkle import Hash
from partners.access_log.subjects import members_where
from partners.literals import text_literal
from partners.prepared import prepare_text
from partners.tables.access import access_log, access_network
from partners.tables.sealing import sealed_leaf

NETWORK_SURELY_KEPT = timedelta(days=119)
"""After 120 days a sweep may have removed network data (see `partners.rights.retention`)."""
_NOBODY = sha256().hexdigest()
_ELSEWHERE = "elsewhere"
_OFFSET = len("+00:00")


class Entry(NamedTuple):
    """A leaf of the log, and what is left of its record: nothing of what follows `access` where that is gone."""

    place: int
    """Its index."""
    hash: Hash
    at: datetime
    access: str
    """The record's id in hex."""
    leaf: bytes | None
    verdicts: str | None
    members: str | None
    """Digests of what stands in tables of its own."""
    network: str | None
    request_id: str
    columns: tuple[Any, ...]
    """In the order of `COLUMNS`."""


def entries_from(connection: Connection, first: int, limit: int) -> list[Entry]:
    """Read entries from an index on, in order, at most `limit`."""
    bounds = connection.execute(_BOUNDS, {"first": first, "limit": limit}).one()._asdict()
    if bounds["end"] is None:
        return []
    rows = _ENTRIES.fetch_binary(connection, {"first": first} | bounds)
    return [Entry._make((*row[:_OWN], row[_OWN:])) for row in rows]


def differences(entry: Entry, now: datetime) -> Iterator[tuple[Kind, str]]:
    """Say in what a record is not what its sealed bytes tell; nothing if it is gone."""
    if entry.network is None and entry.at > now - NETWORK_SURELY_KEPT:
        yield Kind.NETWORK_MISSING, "its network data is gone before its time"
    if not _is_as_expected(entry):
        names = list(_differing(entry, _read(entry.leaf or b"")))
        if names:
            yield Kind.COLUMNS_CHANGED, f"not as it was sealed: {', '.join(names)}"


def _is_as_expected(entry: Entry) -> bool:
    """Whether a record need not be read: what its columns say is, to the byte, what was sealed."""
    if entry.leaf is None or entry.verdicts is None or entry.network is None:
        return False
    expected = expected_bytes(
        entry.columns,
        entry.verdicts,
        entry.leaf,
        at=entry.at.isoformat(timespec="microseconds")[:-_OFFSET] + "Z",
        access=ACCESS_PREFIX + entry.access,
        members=entry.members or _NOBODY,
        network=entry.network,
        request=entry.request_id,
    )
    return expected == entry.leaf


def _differing(entry: Entry, sealed: dict[str, Any]) -> Iterator[str]:
    """Names of what does not stand in the sealed bytes as it does in the columns."""
    yield from (name for name, value in zip(COLUMNS, entry.columns, strict=True) if sealed.get(name) != value)
    known = {
        "request_id": entry.request_id,
        "verdicts": orjson.loads(entry.verdicts or "null"),
        "members": entry.members or _NOBODY,
        "network": entry.network or sealed.get("network"),
    }
    yield from (name for name, value in known.items() if sealed.get(name) != value)
    if not _is_of(entry, sealed):
        yield "id or at"


def _read(leaf: bytes) -> dict[str, Any]:
    """Bytes that were overwritten need not be JSON any more."""
    try:
        sealed = orjson.loads(leaf)
    except ValueError:
        return {}
    return sealed if isinstance(sealed, dict) else {}


def _is_of(entry: Entry, sealed: dict[str, Any]) -> bool:
    if sealed.get("id") != ACCESS_PREFIX + entry.access:
        return False
    try:
        return datetime.fromisoformat(sealed["at"]) == entry.at
    except (KeyError, TypeError, ValueError):
        return False


def _some() -> Subquery:
    return (
        select(sealed_leaf)
        .where(sealed_leaf.c.index >= bindparam("first", type_=BigInteger))
        .order_by(sealed_leaf.c.index)
        .limit(bindparam("limit", type_=BigInteger))
        .subquery("some")
    )


def _bounds() -> Select[Any]:
    """Between which instants and ids the records of some leaves lie: what their tables are read by."""
    some = _some()
    access = cast(some.c.access, Text)
    return select(
        func.max(some.c.index).label("end"),
        func.min(some.c.at).label("since"),
        func.max(some.c.at).label("until"),
        cast(func.min(access), Uuid).label("lowest"),
        cast(func.max(access), Uuid).label("highest"),
    )


def _subjects() -> Subquery:
    """A digest over the members of each access, as `partners.access_log.append` makes it.

    And the instants at which they stand: at another than the record's, nobody would find it by a member.
    """
    bounds = (bindparam("lowest", type_=Uuid), bindparam("highest", type_=Uuid))
    about = members_where(lambda _at, access: access.between(*bounds))
    line = cast(about.c.member, Text).concat(text_literal(":")).concat(cast(about.c.verdict, Text))
    listed = func.string_agg(line, aggregate_order_by(text_literal(","), about.c.member))
    digest = _hex(func.sha256(func.convert_to(listed, text_literal("UTF8"))))
    instants = func.min(about.c.at).label("first_at"), func.max(about.c.at).label("last_at")
    return select(about.c.access, digest.label("members"), *instants).group_by(about.c.access).subquery("digests")


def _entries() -> Select[Any]:
    instants = (bindparam("since", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True)))
    subjects = _subjects()
    # Four bytes of `inet_send` stand before the packed address.
    address = func.coalesce(func.substring(func.inet_send(access_network.c.ip), 5), literal_column("''::bytea"))
    network = func.sha256(func.uuid_send(access_network.c.salt).op("||")(address))
    in_place = and_(subjects.c.first_at == sealed_leaf.c.at, subjects.c.last_at == sealed_leaf.c.at)
    same_record = (
        access_log.c.at == sealed_leaf.c.at,
        access_log.c.id == sealed_leaf.c.access,
        access_log.c.at.between(*instants),
    )
    same_network = (
        access_network.c.at == sealed_leaf.c.at,
        access_network.c.access == sealed_leaf.c.access,
        access_network.c.at.between(*instants),
    )
    return (
        select(
            sealed_leaf.c.index,
            sealed_leaf.c.hash,
            sealed_leaf.c.at,
            _hex(func.uuid_send(sealed_leaf.c.access)).label("access"),
            access_log.c.leaf,
            cast(access_log.c.verdicts, Text).label("verdicts"),
            case((in_place, subjects.c.members), (subjects.c.members.is_not(None), text_literal(_ELSEWHERE))),
            _hex(network).label("network"),
            access_log.c.request_id,
            *(access_log.c[name] for name in COLUMNS),
        )
        .select_from(
            sealed_leaf.outerjoin(access_log, and_(*same_record))
            .outerjoin(access_network, and_(*same_network))
            .outerjoin(subjects, subjects.c.access == sealed_leaf.c.access)
        )
        .where(
            sealed_leaf.c.index >= bindparam("first", type_=BigInteger),
            sealed_leaf.c.index <= bindparam("end", type_=BigInteger),
        )
        .order_by(sealed_leaf.c.index)
    )


def _hex(value: ColumnElement[Any]) -> ColumnElement[str]:
    return func.encode(value, text_literal("hex"))


_OWN = len(Entry._fields) - 1
_BOUNDS = _bounds()
_ENTRIES = prepare_text(_entries())
