"""Cursors: where a walk through a list stands, sealed and bound to the caller and the query (contract §7)."""

from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from gateway.http.problems import Fault, invalid_request
from partners.access_log.identifiers import Place
from partners.keyring import Keyring

_KEY_BYTES = 64
_TAG_BYTES = 16


class Cursors:
    """Seals positions with AES-SIV (RFC 5297): equal walks give equal cursors, so that bodies and ETags repeat."""

    def __init__(self, keyring: Keyring) -> None:
        """Take the key from the keyring."""
        self._cipher = AESSIV(keyring.derive("cursors", _KEY_BYTES))

    def seal(self, position: Sequence[Any], *, bound_to: Mapping[str, Any]) -> str:
        """Return the cursor of a position; it opens only with the same `bound_to`."""
        return _text(self._cipher.encrypt(orjson.dumps(position), _bound(bound_to)))

    def open(self, cursor: str | None, *, bound_to: Mapping[str, Any], parameter: str = "cursor") -> list[Any] | None:
        """Return the position of a cursor, None for the start; raise the problem for anything not made here."""
        if cursor is None:
            return None
        try:
            position = orjson.loads(self._cipher.decrypt(_bytes(cursor), _bound(bound_to)))
        except (Base64Error, InvalidTag, ValueError):
            raise invalid_request(no_cursor(parameter)) from None
        if not isinstance(position, list):
            raise TypeError("a cursor of ours holds a list")
        return position


def position_at(at: datetime, access: UUID) -> list[Any]:
    """The position of a record in a list of records by time."""
    return [at, access.hex]


def place_at(position: list[Any] | None) -> Place | None:
    """Read such a position again; None is the start."""
    return Place(datetime.fromisoformat(position[0]), UUID(hex=position[1])) if position else None


def may_be_cursor(text: str) -> bool:
    """Whether a text could be a cursor at all; of which walk, only opening it tells."""
    try:
        return len(_bytes(text)) > _TAG_BYTES
    except (Base64Error, ValueError):
        return False


def no_cursor(parameter: str) -> Fault:
    """The fault of a cursor that does not open."""
    return Fault("invalid_cursor", f"No `{parameter}` of this list: start again without it.", parameter=parameter)


def _text(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).decode().rstrip("=")


def _bytes(cursor: str) -> bytes:
    sealed = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    if _text(sealed) != cursor:
        # Base64 has spare bits at its end: two texts for the same bytes, of which only one was made here.
        raise ValueError
    return sealed


def _bound(query: Mapping[str, Any]) -> list[bytes]:
    return [orjson.dumps(query, option=orjson.OPT_SORT_KEYS)]
