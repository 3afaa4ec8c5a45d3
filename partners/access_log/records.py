"""Sealed records beside what the log knows of them: each column that can be searched must stand in the sealed bytes."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from partners.access_log.expected import COLUMNS, SALT, columns_of, shape_of
from partners.access_log.findings import Kind
from partners.access_log.identifiers import ACCESS_PREFIX
from partners.access_log.merkle import Hash
from partners.tables.access import NETWORK_KEPT

NETWORK_SURELY_KEPT = NETWORK_KEPT - timedelta(days=1)
"""A sweep (`partners.rights.retention`) may go by a clock that is ahead of the one that is verified by."""
_NOBODY = sha256().hexdigest()
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL's: it counts the microseconds since."""
_SECOND = 1_000_000
_PACKED = 4
"""Bytes of an address as PostgreSQL sends it that stand before what is packed in it."""
_WHOLE = frozenset({b"\x02\x20\x00\x04", b"\x03\x80\x00\x10"})
"""What these are for an address of IPv4 or IPv6 without a netmask; with one, it is another to a search."""
_LEAF = sha256(b"\0").copy
"""Begins the hash of an entry's bytes, as `leaf_hash` does, without copying them."""


class Entry(NamedTuple):
    """A leaf of the log, and what is left of its record: nothing from `leaf` on where that is gone."""

    place: int
    """Its index."""
    hash: Hash
    instant: int
    """Microseconds since 2000."""
    id: bytes
    leaf: bytes | None
    members: str | None
    """What stands in tables of its own, and the sealed bytes have digests of: whom it covered, as a text,"""
    salt: bytes | None
    """and the network data, the address as PostgreSQL sends it."""
    address: bytes | None
    request_id: str | None
    shared: bytes
    """What other records have alike, see `columns_of`."""

    @property
    def at(self) -> datetime:
        """When the request arrived."""
        return instant_at(self.instant)

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


def is_sound(row: Sequence[Any], network_may_be_gone_before: int) -> bool:
    """Whether nothing can be said against an entry, of which a row has the fields.

    Its bytes are those that were sealed, then, and tell to the byte what the columns do. Network data may be gone of
    what is older than an instant, in microseconds since 2000. Of the others `differences` tells whether there is
    something to be said. This is what a verification spends its time in: it looks nothing up twice.
    """
    _, sealed, instant, access, leaf, members, salt, address, request_id, shared = row
    shape = shape_of(shared)
    if leaf is None or shape is None or request_id is None:
        return False
    hashed = _LEAF()
    hashed.update(leaf)
    if hashed.digest() != sealed:
        return False
    if salt is not None:
        network = _network_of(salt, address)
    elif instant <= network_may_be_gone_before:
        network = leaf[shape.network].decode("latin-1")
    else:
        return False
    (one, two, three, four, five, six, seven), _ = shape
    seconds, rest = divmod(instant, _SECOND)
    covered = sha256(members.encode()).hexdigest() if members else _NOBODY
    expected = (
        f"{one}{_second(seconds)}{rest:06}Z{two}{ACCESS_PREFIX}{access.hex()}{three}{leaf[SALT].decode('latin-1')}{four}"
        f"{covered}{five}{network}{six}{request_id}{seven}"
    )
    return bool(expected.encode() == leaf)


def _network_of(salt: bytes, address: bytes | None) -> str:
    if address and address[:_PACKED] not in _WHOLE:
        return ""
    return sha256(salt + address[_PACKED:] if address else salt).hexdigest()


@lru_cache(256)
def _second(seconds: int) -> str:
    """A second so long after 2000, up to where its fraction begins; thousands of records have it alike."""
    return instant_at(seconds * _SECOND).strftime("%Y-%m-%dT%H:%M:%S.")


def differences(entry: Entry, now: datetime) -> Iterator[tuple[Kind, str]]:
    """Say in what a record is not what its sealed bytes tell."""
    if entry.salt is None and entry.at > now - NETWORK_SURELY_KEPT:
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
        "members": sha256((entry.members or "").encode()).hexdigest(),
        "network": sealed.get("network") if entry.salt is None else _network_of(entry.salt, entry.address),
    }
    yield from (name for name, value in known.items() if sealed.get(name) != value)
    if not _are_alike(sealed.get("verdicts"), verdicts):
        yield "verdicts"
    if not _is_of(entry, sealed):
        yield "id or at"


def _are_alike(sealed: object, verdicts: str | None) -> bool:
    """Whether they are to the byte; Python takes 1, 1.0 and true for the same, and lacks numbers of PostgreSQL's."""
    try:
        return orjson.dumps(sealed) == orjson.dumps(orjson.loads(verdicts or "null"))
    except ValueError:
        return False


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
