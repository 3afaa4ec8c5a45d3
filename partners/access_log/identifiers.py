"""Identifiers of requests and records: UUIDs of version 7, so that an id alone tells its month; and places by time."""

import os
import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MILLISECOND = 253_402_300_800_000
"""The end of the year 9999, after which no `datetime` can be."""
_HEX = re.compile(r"[0-9a-f]{32}")
_VERSION_NUMBER = 7
_MILLISECOND = timedelta(milliseconds=1)
_VERSION = _VERSION_NUMBER << 76
_VARIANT = 0x2 << 62
_RANDOM = (1 << 12) - 1 << 64 | (1 << 62) - 1
REQUEST_PREFIX = "req_"
ACCESS_PREFIX = "acc_"
OPERATOR_PREFIX = "operator:"
"""Before the name of an operator at the machine, where the log has the client of others."""


class Place(NamedTuple):
    """Where a record stands among others by time."""

    at: datetime
    access: UUID


def new_id(at: datetime) -> UUID:
    """Return a UUIDv7 (RFC 9562): 48 bits of milliseconds, the rest random."""
    milliseconds, chance = (at - EPOCH) // _MILLISECOND, int.from_bytes(os.urandom(10))
    return UUID(int=milliseconds << 80 | _VERSION | _VARIANT | chance & _RANDOM)


def instant_of(identifier: UUID) -> datetime:
    """Return the millisecond in which a UUIDv7 was made."""
    return EPOCH + (identifier.int >> 80) * _MILLISECOND


def public(prefix: str, identifier: UUID) -> str:
    """Return an id as callers see it, such as `acc_0199…`."""
    return f"{prefix}{identifier.hex}"


def parse(prefix: str, text: str) -> UUID | None:
    """Read what `public` made; nothing if it is anything else."""
    digits = text.removeprefix(prefix)
    if not text.startswith(prefix) or not _HEX.fullmatch(digits):
        return None
    identifier = UUID(hex=digits)
    return identifier if identifier.version == _VERSION_NUMBER and identifier.int >> 80 < _LAST_MILLISECOND else None
