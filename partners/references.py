"""Opaque references to members: pairwise by partner, stable, and reversible by the gateway alone (R3)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from partners.keyring import Keyring

PREFIX = "mbr_"
_LENGTH = 22
_PADDING = "=="
_HALF = 8
_BLOCK = Struct(">QQ").pack
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_LARGEST_NUMBER = 1 << 48
"""Far above any number ever given; what decrypts to more was not made here."""


@dataclass(frozen=True)
class Reference:
    """What a ref stands for: a member as one partner knows it."""

    partner: int
    member: int


class References:
    """Encrypts partner and member number as one AES block.

    One block under one key is a permutation: no two refs are equal, and none tells anything without the key. The key
    is never rotated, because partners keep refs.
    """

    def __init__(self, keyring: Keyring) -> None:
        """Take the key from the keyring."""
        # One block, never a message: ECB is the block cipher itself here.
        self._cipher = Cipher(AES(keyring.derive("references")), ECB())  # noqa: S305

    def writer(self, partner: int) -> Callable[[int], str]:
        """Return the function that makes refs for one partner."""
        encrypt = self._cipher.encryptor().update
        return lambda member: (
            PREFIX + b2a_base64(encrypt(_BLOCK(partner, member)))[:_LENGTH].translate(_URL_SAFE).decode()
        )

    def read(self, text: str) -> Reference | None:
        """Return what a ref stands for, whoever's it is; nothing if it was not made here."""
        encoded = text.removeprefix(PREFIX)
        if not text.startswith(PREFIX) or len(encoded) != _LENGTH or not encoded.isascii():
            return None
        try:
            block = urlsafe_b64decode(encoded + _PADDING)
        except Base64Error:
            return None
        if len(block) != 2 * _HALF or urlsafe_b64encode(block)[:_LENGTH].decode() != encoded:
            return None
        plain = self._cipher.decryptor().update(block)
        reference = Reference(int.from_bytes(plain[:_HALF]), int.from_bytes(plain[_HALF:]))
        return reference if max(reference.partner, reference.member) < _LARGEST_NUMBER else None
