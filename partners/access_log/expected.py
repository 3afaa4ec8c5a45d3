"""The exact bytes that a record must have, from its columns: what most records are compared with, unread."""

import json
from collections.abc import Iterator
from functools import lru_cache
from struct import unpack_from
from typing import Any, NamedTuple

import orjson

from partners.access_log.append import LEAF_VERSION

COLUMNS = (
    "audience", "partner", "client", "model", "operation", "purpose", "outcome", "status", "reason", "member_count",
    "policy_version", "case_number", "case_purpose",
)  # fmt: skip
"""Columns that many records have alike; they stand in the sealed bytes under their own names, and as they are."""
IF_ANY = frozenset({"case_number", "case_purpose"})
"""Columns whose names stand in the bytes of those records alone that have something there."""
SALT = slice(101, 133)
"""Where a record has its salt: everything before it is always as long."""
DIGEST = 64
"""Characters of a SHA-256 in hex."""
_OWN = ("at", "id", "salt", "members", "network", "request_id")
"""What each record has for itself, in the order in which it stands in the bytes."""
_BLANK = "@blank@"
_INTEGERS = frozenset({20, 21, 23})
_JSONB = 3802
"""PostgreSQL's numbers of types; the binary form of `jsonb` has a version before its text."""


class Shape(NamedTuple):
    """What records have in common whose columns are alike."""

    parts: tuple[str, str, str, str, str, str, str]
    """What stands around what each has for itself."""
    network: slice
    """Where the bytes have the digest of the network data, if the members' has the length of a digest."""


@lru_cache(4_096)
def shape_of(shared: bytes) -> Shape | None:
    """The shape of records from what they share, as `columns_of` reads it; written as PostgreSQL writes `jsonb`.

    None if it cannot be told like that. Where bytes are not of their shape, nothing is said yet: a text may need to be
    escaped. Where they are, every column stands in them.
    """
    verdicts, *columns = columns_of(shared)
    if verdicts is None:
        return None
    held = dict(zip(COLUMNS, columns, strict=True))
    values = {name: value for name, value in held.items() if value is not None or name not in IF_ANY}
    values |= dict.fromkeys(_OWN, _BLANK)
    try:
        values |= {"v": LEAF_VERSION, "verdicts": orjson.loads(verdicts)}
        ordered = {name: values[name] for name in sorted(values, key=lambda name: (len(name), name))}
        one, two, three, four, five, six, seven = json.dumps(ordered, ensure_ascii=False).split(_BLANK)
    except ValueError:
        return None
    network = SALT.stop + len(f"{four}{five}".encode()) + DIGEST
    return Shape((one, two, three, four, five, six, seven), slice(network, network + DIGEST))


def columns_of(shared: bytes) -> tuple[Any, ...]:
    """Read the binary form of a row: the verdicts as text, and then `COLUMNS`."""
    return tuple(_values(shared))


def _values(row: bytes) -> Iterator[Any]:
    """A count of values, and for each the number of its type, its length in bytes or -1, and its bytes."""
    place = 4
    for _ in range(int.from_bytes(row[:4])):
        kind, length = unpack_from(">Ii", row, place)
        place += 8
        value = row[place : place + max(length, 0)]
        place += len(value)
        if length < 0:
            yield None
        elif kind in _INTEGERS:
            yield int.from_bytes(value, signed=True)
        else:
            yield value[kind == _JSONB :].decode()
