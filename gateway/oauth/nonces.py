"""Nonces for DPoP proofs (RFC 9449 §8): given out and known again by every server, and kept by none."""

import hashlib
import hmac
from base64 import b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from datetime import datetime

from gateway.oauth.jose import CLOCK_SKEW_S
from partners.keyring import Keyring

LASTS_S = 300
RENEWED_AFTER_S = 150
"""From this age on the answer to a good proof brings the next nonce along, so that no request has to be repeated."""
_STAMP_BYTES = 8
_TAG_BYTES = 16


class Nonces:
    """Makes and reads nonces: the second of their making, signed."""

    def __init__(self, keyring: Keyring) -> None:
        """Take the key from the keyring."""
        self._key = keyring.derive("dpop-nonces")

    def make(self, now: datetime) -> str:
        """Return the nonce of this second."""
        stamp = int(now.timestamp()).to_bytes(_STAMP_BYTES)
        return urlsafe_b64encode(stamp + self._tag(stamp)).decode()

    def age(self, nonce: str, now: datetime) -> float | None:
        """Return how many seconds ago a nonce was made here; nothing if it was not, or if it has run out."""
        try:
            raw = b64decode(nonce, altchars=b"-_", validate=True)
        except (Base64Error, ValueError):
            return None
        stamp, tag = raw[:_STAMP_BYTES], raw[_STAMP_BYTES:]
        if not hmac.compare_digest(tag, self._tag(stamp)):
            return None
        age = now.timestamp() - int.from_bytes(stamp)
        return age if -CLOCK_SKEW_S <= age <= LASTS_S else None

    def _tag(self, stamp: bytes) -> bytes:
        return hmac.digest(self._key, stamp, hashlib.sha256)[:_TAG_BYTES]
