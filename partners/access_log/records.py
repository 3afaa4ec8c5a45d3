"""Sealed records beside what the log knows of them: each column that can be searched must stand in the sealed bytes."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection

from partners.access_log.expected import COLUMNS, SALT, columns_of, shape_of
from partners.access_log.findings import Kind
from partners.access_log.identifiers import ACCESS_PREFIX
from partners.access_log.merkle import Hash, leaf_hash
from partners.access_log.stored import rows_between

NETWORK_SURELY_KEPT = timedelta(days=119)
"""After 120 days a sweep may have removed network data (see `partners.rights.retention`)."""
_NOBODY = sha256().hexdigest()
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL's: it counts the microseconds since."""
_SECOND = 1_000_000


class Entry(NamedTuple):
    """A leaf of the log, and what is left of its record: nothing from `leaf` on where that is gone."""

    place: int
    """Its index."""
    hash: Hash
    instant: bytes
    """Microseconds since 2000 as 64 bits: PostgreSQL's own form, which costs nothing until it is looked at."""
    id: bytes
    leaf: bytes | None
    members: str | None
    """Digests of what stands in tables of its own."""
    network: str | None
    request_id: str | None
    shared: bytes
    """What other records have alike, see `columns_of`."""

    @property
    def at(self) -> datetime:
        """When the request arrived."""
        return instant_at(int.from_bytes(self.instant, signed=True))

    @property
    def access(self) -> str:
        """The record's id in hex."""
        return self.id.hex()

    @property
    def columns(self) -> tuple[Any, ...]:
        """In the order of `COLUMNS`."""
        return columns_of(self.shared)[1:]


def microseconds_of(instant: datetime) -> int:
    """How long after 2000 an instant is."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def instant_at(microseconds: int) -> datetime:
    """The instant so long after 2000; whatever was written beyond the calendar is at its end."""
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if microseconds > 0 else datetime.min.replace(tzinfo=UTC)


def entries_from(connection: Connection, first: int, width: int) -> list[Entry]:
    """Read the entries with the `width` indexes from one on, in order."""
    return list(map(Entry._make, rows_between(connection, first, first + width)))


def unsound(rows: Iterable[Sequence[Any]], network_may_be_gone_before: int) -> Iterator[int]:
    """At which places among rows of the fields of `Entry` stands one against which something might be said.

    Of the others the bytes are those that were sealed, and tell to the byte what the columns do. Network data may be
    gone of what is older than an instant, in microseconds since 2000. Whether there is something to be said is for
    `differences` to tell. This is what a verification spends its time in: it looks nothing up twice.
    """
    for place, (_, sealed, instant, access, leaf, members, network, request_id, shared) in enumerate(rows):
        shape = shape_of(shared)
        if leaf is None or shape is None or request_id is None or leaf_hash(leaf) != sealed:
            yield place
            continue
        microseconds = int.from_bytes(instant, signed=True)
        known = network
        if network is None and microseconds <= network_may_be_gone_before:
            known = leaf[shape.network].decode("latin-1")
        (one, two, three, four, five, six, seven), _ = shape
        seconds, rest = divmod(microseconds, _SECOND)
        at, salt = f"{_second(seconds)}{rest:06}Z", leaf[SALT].decode("latin-1")
        expected = (
            f"{one}{at}{two}{ACCESS_PREFIX}{access.hex()}{three}{salt}{four}{members or _NOBODY}{five}{known}{six}"
            f"{request_id}{seven}"
        )
        if expected.encode() != leaf or known is None:
            yield place


@lru_cache(256)
def _second(seconds: int) -> str:
    """A second so long after 2000, up to where its fraction begins; thousands of records have it alike."""
    return instant_at(seconds * _SECOND).strftime("%Y-%m-%dT%H:%M:%S.")


def differences(entry: Entry, now: datetime) -> Iterator[tuple[Kind, str]]:
    """Say in what a record is not what its sealed bytes tell."""
    if entry.network is None and entry.at > now - NETWORK_SURELY_KEPT:
        yield Kind.NETWORK_MISSING, "its network data is gone before its time"
    names = list(_differing(entry, _read(entry.leaf or b"")))
    if names:
        yield Kind.COLUMNS_CHANGED, f"not as it was sealed: {', '.join(names)}"


def _differing(entry: Entry, sealed: dict[str, Any]) -> Iterator[str]:
    """Names of what does not stand in the sealed bytes as it does in the columns."""
    verdicts, *columns = columns_of(entry.shared)
    yield from (name for name, value in zip(COLUMNS, columns, strict=True) if sealed.get(name) != value)
    known = {
        "request_id": entry.request_id,
        "verdicts": orjson.loads(verdicts or "null"),
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
