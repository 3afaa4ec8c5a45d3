"""Sealed records beside what the log knows of them: each column that can be searched must stand in the sealed bytes."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from sqlalchemy import BigInteger, Connection, DateTime, Text, Uuid, and_, bindparam, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from partners.access_log.findings import Finding, Kind
from partners.access_log.identifiers import ACCESS_PREFIX, public
from partners.access_log.tree import Leaf
from partners.literals import text_literal
from partners.tables.access import access_log, access_network, access_subject
from partners.tables.sealing import sealed_leaf

COLUMNS = (
    "request_id", "audience", "partner", "client", "model", "operation", "purpose", "outcome", "status", "reason",
    "member_count", "verdicts", "policy_version",
)  # fmt: skip
"""Columns of a record that stand in the sealed bytes under their own names."""
SEALED_BESIDE = ("members", "network")
"""Digests in the sealed bytes of what stands in tables of its own."""
_NOBODY = sha256().hexdigest()
NETWORK_SURELY_KEPT = timedelta(days=119)
"""After 120 days a sweep may have removed network data (see `partners.rights.retention`)."""


class Record(NamedTuple):
    """A record as it is stored now; its values in the order of `COLUMNS` and `SEALED_BESIDE`."""

    leaf: bytes
    values: Sequence[Any]


def records_of(connection: Connection, first: int, end: int, leaves: Sequence[Leaf]) -> dict[int, Record]:
    """Read the records of some leaves, by index; what is gone is not among them."""
    if not leaves:
        return {}
    instants, accesses = [leaf.at for leaf in leaves], [leaf.access for leaf in leaves]
    bounds = {"since": min(instants), "until": max(instants), "lowest": min(accesses), "highest": max(accesses)}
    rows = connection.execute(_RECORDS, {"first": first, "end": end} | bounds)
    return {row[0]: Record(row[1], row[2:]) for row in rows}


def differences(index: int, leaf: Leaf, record: Record, now: datetime) -> Iterator[Finding]:
    """Say in what a record is not what its sealed bytes tell."""
    sealed, values = _read(record.leaf), record.values
    if tuple(map(sealed.get, COLUMNS)) != values[:-2] or not _is_of(leaf, sealed) or not _has(sealed, values):
        text = f"not as it was sealed: {', '.join(_named(leaf, sealed, values))}"
        yield Finding(Kind.COLUMNS_CHANGED, text, index, access=leaf.access)
    if values[-1] is None and leaf.at > now - NETWORK_SURELY_KEPT:
        yield Finding(Kind.NETWORK_MISSING, "its network data is gone before its time", index, access=leaf.access)


def _read(leaf: bytes) -> dict[str, Any]:
    """Bytes that were overwritten need not be JSON any more."""
    try:
        sealed = orjson.loads(leaf)
    except ValueError:
        return {}
    return sealed if isinstance(sealed, dict) else {}


def _is_of(leaf: Leaf, sealed: dict[str, Any]) -> bool:
    if sealed.get("id") != public(ACCESS_PREFIX, leaf.access):
        return False
    try:
        return datetime.fromisoformat(sealed["at"]) == leaf.at
    except (KeyError, TypeError, ValueError):
        return False


def _has(sealed: dict[str, Any], values: Sequence[Any]) -> bool:
    """Whether members and network data are those of the digests; the latter may be gone."""
    members, network = values[-2:]
    return sealed.get("members") == (members or _NOBODY) and network in {None, sealed.get("network")}


def _named(leaf: Leaf, sealed: dict[str, Any], values: Sequence[Any]) -> Iterator[str]:
    members, network = values[-2:]
    yield from (name for name, value in zip(COLUMNS, values, strict=False) if sealed.get(name) != value)
    yield from ["members"] if sealed.get("members") != (members or _NOBODY) else []
    yield from ["network"] if network not in {None, sealed.get("network")} else []
    yield from [] if _is_of(leaf, sealed) else ["id or at"]


def _subjects() -> Any:  # noqa: ANN401 - a subquery with two columns
    """The members of each access as `summary_of` in `append` lists them."""
    line = cast(access_subject.c.member, Text).concat(text_literal(":")).concat(cast(access_subject.c.verdict, Text))
    listed = func.string_agg(line, aggregate_order_by(text_literal(","), access_subject.c.member))
    digest = func.encode(func.sha256(func.convert_to(listed, text_literal("UTF8"))), text_literal("hex"))
    return (
        select(access_subject.c.access, digest.label("members"))
        .where(access_subject.c.access.between(bindparam("lowest", type_=Uuid), bindparam("highest", type_=Uuid)))
        .group_by(access_subject.c.access)
        .subquery("subjects")
    )


def _records() -> Any:  # noqa: ANN401 - a statement with all of a record's columns
    instants = (bindparam("since", type_=DateTime(timezone=True)), bindparam("until", type_=DateTime(timezone=True)))
    subjects = _subjects()
    # Four bytes of `inet_send` stand before the packed address.
    address = func.coalesce(func.substring(func.inet_send(access_network.c.ip), 5), literal_column("''::bytea"))
    salted = func.uuid_send(access_network.c.salt).op("||")(address)
    network = func.encode(func.sha256(salted), text_literal("hex"))
    same_record = and_(access_log.c.at == sealed_leaf.c.at, access_log.c.id == sealed_leaf.c.access)
    same_network = and_(
        access_network.c.at == sealed_leaf.c.at,
        access_network.c.access == sealed_leaf.c.access,
        access_network.c.at.between(*instants),
    )
    return (
        select(
            sealed_leaf.c.index,
            access_log.c.leaf,
            *(access_log.c[name] for name in COLUMNS),
            subjects.c.members,
            network.label("network"),
        )
        .select_from(
            sealed_leaf.join(access_log, same_record)
            .outerjoin(access_network, same_network)
            .outerjoin(subjects, subjects.c.access == sealed_leaf.c.access)
        )
        .where(
            sealed_leaf.c.index >= bindparam("first", type_=BigInteger),
            sealed_leaf.c.index < bindparam("end", type_=BigInteger),
            access_log.c.at.between(*instants),
        )
    )


_RECORDS = _records()
