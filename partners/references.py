"""Opaque references to members: pairwise by partner, stable, and reversible by the gateway alone (R3)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass
from struct import pack

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from partners.keyring import Keyring

PREFIX = "mbr_"
_LENGTH = 22
_PADDING = "=="
_HALF = 8
_BLOCK = 2 * _HALF
_FILLING = b"\0\0"
"""Makes a block three groups of Base64 by itself, so that many are encoded at once."""
_FILLED = 24
"""Characters of a filled block."""
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

    def ref(self, partner: int, member: int) -> str:
        """Return one partner's ref of one member."""
        return self.refs(partner, [member])[0]

    def refs(self, partner: int, members: Sequence[int]) -> list[str]:
        """Return one partner's refs of many members, in their order."""
        numbers = [partner] * (2 * len(members))
        numbers[1::2] = members
        sealed = self._cipher.encryptor().update(pack(f">{len(numbers)}Q", *numbers))
        blocks = [sealed[start : start + _BLOCK] + _FILLING for start in range(0, len(sealed), _BLOCK)]
        text = b2a_base64(b"".join(blocks)).translate(_URL_SAFE).decode()
        return [PREFIX + text[start : start + _LENGTH] for start in range(0, len(blocks) * _FILLED, _FILLED)]

    def read(self, text: str) -> Reference | None:
        """Return what a ref stands for, whoever's it is; nothing if it was not made here."""
        encoded = text.removeprefix(PREFIX)
        if not text.startswith(PREFIX) or len(encoded) != _LENGTH or not encoded.isascii():
            return None
        try:
            block = urlsafe_b64decode(encoded + _PADDING)
        except Base64Error:
            return None
        if len(block) != _BLOCK or urlsafe_b64encode(block)[:_LENGTH].decode() != encoded:
            return None
        plain = self._cipher.decryptor().update(block)
        reference = Reference(int.from_bytes(plain[:_HALF]), int.from_bytes(plain[_HALF:]))
        return reference if max(reference.partner, reference.member) < _LARGEST_NUMBER else None
