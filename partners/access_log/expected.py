"""The exact bytes that a record must have, from its columns: what most records are compared with, unread."""

import json
from functools import lru_cache
from typing import Any

import orjson

from partners.access_log.append import LEAF_VERSION

COLUMNS = (
    "audience", "partner", "client", "model", "operation", "purpose", "outcome", "status", "reason", "member_count",
    "policy_version", "case_number", "case_purpose",
)  # fmt: skip
"""Columns that many records have alike; they stand in the sealed bytes under their own names, and as they are."""
IF_ANY = frozenset({"case_number", "case_purpose"})
"""Columns whose names stand in the bytes of those records alone that have something there."""
_OWN = ("at", "id", "salt", "members", "network", "request_id")
"""What each record has for itself, in the order in which it stands in the bytes."""
_BLANK = "@blank@"
_SALT = slice(101, 133)
"""Where the salt stands: everything before it is always as long."""


def expected_bytes(
    columns: tuple[Any, ...],
    verdicts: str,
    leaf: bytes,
    *,
    at: str,
    access: str,
    members: str,
    network: str,
    request: str,
) -> bytes | None:
    """Put together the bytes of a record whose salt is that of `leaf`.

    None if it cannot be told like that. Where they differ from `leaf`, nothing is said yet: a text may need to be
    escaped. Where they are equal, every column stands in the sealed bytes.
    """
    parts = _parts(columns, verdicts)
    if parts is None:
        return None
    one, two, three, four, five, six, rest = parts
    texts = (at.encode(), access.encode(), leaf[_SALT], members.encode(), network.encode(), request.encode())
    first, second, salt, fourth, fifth, sixth = texts
    return b"".join((one, first, two, second, three, salt, four, fourth, five, fifth, six, sixth, rest))


@lru_cache(4_096)
def _parts(columns: tuple[Any, ...], verdicts: str) -> tuple[bytes, ...] | None:
    """The bytes around what a record has for itself; written as PostgreSQL writes `jsonb`, shorter names first."""
    held = dict(zip(COLUMNS, columns, strict=True))
    values = {name: value for name, value in held.items() if value is not None or name not in IF_ANY}
    values |= dict.fromkeys(_OWN, _BLANK)
    values |= {"v": LEAF_VERSION, "verdicts": orjson.loads(verdicts)}
    ordered = {name: values[name] for name in sorted(values, key=lambda name: (len(name), name))}
    parts = json.dumps(ordered, ensure_ascii=False).encode().split(_BLANK.encode())
    return tuple(parts) if len(parts) == len(_OWN) + 1 else None
