"""The keys derived from the gateway's one secret: each purpose has its own, which tells neither it nor another."""

import hashlib
import hmac
import os
from enum import StrEnum

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MINIMUM_SECRET_LENGTH = 32
_NONCE_BYTES = 12


class Digest(StrEnum):
    """What may be kept as a keyed hash only."""

    USERNAME = "username"
    MEMBER = "member"
    PURCHASE_OWNER = "purchase_owner"


class Keyring:
    """Every key the gateway uses, derived by HKDF-SHA256 (RFC 5869) from `GATEWAY_SECRET_KEY`."""

    def __init__(self, secret: str) -> None:
        """Take the secret; raise `ValueError` if it is shorter than 32 characters."""
        if len(secret) < MINIMUM_SECRET_LENGTH:
            message = f"the secret key must have at least {MINIMUM_SECRET_LENGTH} characters"
            raise ValueError(message)
        self._secret = secret.encode()
        self._digest_keys = {kind: self.derive(f"digest/{kind}") for kind in Digest}
        self._sealing = AESGCM(self.derive("sealing"))

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """Return the key of `length` bytes that belongs to a purpose."""
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=f"gateway/{purpose}".encode()).derive(
            self._secret
        )

    def digest(self, kind: Digest, *parts: str) -> bytes:
        """Return the keyed hash (HMAC-SHA256, 32 bytes) under which a value may be remembered."""
        return hmac.digest(self._digest_keys[kind], "\x1f".join(parts).encode(), hashlib.sha256)

    def seal(self, plain: bytes) -> bytes:
        """Encrypt for storage (AES-256-GCM); the nonce stands before the ciphertext."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._sealing.encrypt(nonce, plain, None)

    def unseal(self, sealed: bytes) -> bytes:
        """Decrypt what `seal` made; raise `cryptography.exceptions.InvalidTag` if it was altered."""
        return self._sealing.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
