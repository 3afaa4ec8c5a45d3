"""Tickets: what a page must remember between two requests, sealed for one purpose, one browser and a few minutes."""

from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from partners.keyring import Keyring

LASTS = timedelta(minutes=10)
_KEY_BYTES = 64


class Purpose(StrEnum):
    """What a ticket is for; it opens nothing else."""

    AUTHORIZATION = "authorization"
    SET_UP = "set_up"
    RETURN = "return"


class Tickets:
    """Seals and opens tickets with AES-SIV (RFC 5297): no visitor makes the database remember anything."""

    def __init__(self, keyring: Keyring) -> None:
        """Take the key from the keyring."""
        self._cipher = AESSIV(keyring.derive("tickets", _KEY_BYTES))

    def seal(self, purpose: Purpose, document: Mapping[str, Any], *, browser: str, now: datetime) -> str:
        """Return a ticket that only this browser can use, until it runs out."""
        content = {"until": (now + LASTS).timestamp(), "document": document}
        sealed = self._cipher.encrypt(orjson.dumps(content), [purpose.encode(), browser.encode()])
        return urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, purpose: Purpose, ticket: str, *, browser: str, now: datetime) -> dict[str, Any] | None:
        """Return what was sealed, or nothing for any other text, purpose, browser or time."""
        try:
            sealed = b64decode(ticket + "=" * (-len(ticket) % 4), altchars=b"-_", validate=True)
            content = orjson.loads(self._cipher.decrypt(sealed, [purpose.encode(), browser.encode()]))
        except (Base64Error, InvalidTag, ValueError):
            return None
        document: dict[str, Any] = content["document"]
        return document if now.timestamp() < content["until"] else None
