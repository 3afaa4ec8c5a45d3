"""Signed notes and verifier keys (C2SP signed-note): a text, and who put their name to it."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
"""The type of signature that a key id and a verifier key name."""
DASH = "— "
_ID_BYTES = 4
_VKEY_PARTS = 3


class NoteError(Exception):
    """A note or a verifier key is malformed, or a known key's signature does not fit; the message says which."""


@dataclass(frozen=True)
class Verifier:
    """A name and a public key, as a verifier key (`vkey`) tells them."""

    name: str
    public: bytes
    """32 bytes of Ed25519."""

    @property
    def id(self) -> bytes:
        """The first four bytes of the hash over name, type and key."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        """The verifier key: name, id in hex and key in base64, joined by `+`."""
        return f"{self.name}+{self.id.hex()}+{b64encode(ED25519 + self.public).decode()}"

    def check(self, text: str, signature: bytes) -> None:
        """Raise `NoteError` unless this key made the signature."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            raise NoteError(f"the signature of {self.name} does not fit") from None


class Signer:
    """Puts its name to texts."""

    def __init__(self, name: str, seed: bytes) -> None:
        """Take the name, which holds no blank and no `+`, and the key's 32 secret bytes."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = Verifier(name, self._key.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """The note: the text, which ends with a newline, an empty line, and the signature."""
        return f"{text}\n{self.line(text)}"

    def line(self, text: str) -> str:
        """The signature alone, as it stands in a note."""
        signature = b64encode(self.verifier.id + self._key.sign(text.encode())).decode()
        return f"{DASH}{self.verifier.name} {signature}\n"


@dataclass(frozen=True)
class Signers:
    """Keys that sign together: whoever knows one of them can check."""

    name: str
    signers: Sequence[Signer]
    """The newest first."""

    def sign(self, text: str) -> str:
        """The note, with a line for each."""
        return f"{text}\n{''.join(signer.line(text) for signer in self.signers)}"


def read_vkey(vkey: str) -> Verifier:
    """Read a verifier key; raise `NoteError`."""
    parts = vkey.strip().split("+", _VKEY_PARTS - 1)
    if len(parts) == _VKEY_PARTS:
        key = bytes_of(parts[2])
        verifier = Verifier(parts[0], key[1:])
        if key[:1] == ED25519 and len(key) == 1 + sha256().digest_size and parts[1] == verifier.id.hex():
            return verifier
    raise NoteError("this is not a verifier key of Ed25519, as `gateway audit key` prints one")


def opened(note: str, known: Sequence[Verifier]) -> str:
    """Return a note's text; raise `NoteError` unless a known key signed it and no known key's signature is wrong.

    Signatures of others say nothing, for or against.
    """
    text, signatures = _parted(note)
    signed = False
    for name, signature in signatures:
        for verifier in known:
            if (verifier.name, verifier.id) == (name, signature[:_ID_BYTES]):
                verifier.check(text, signature[_ID_BYTES:])
                signed = True
    if not signed:
        raise NoteError("no trusted key signed it")
    return text


def signed_by(note: str) -> set[bytes]:
    """The ids of the keys that a note says signed it; whether they did is not looked at."""
    lines = note.rpartition("\n\n")[2].splitlines()
    return {_signature(line)[1][:_ID_BYTES] for line in lines}


def notes_in(text: str) -> Iterator[str]:
    """Part a file into its notes, which stand one after the other; a last one that is incomplete comes out as it is."""
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        if lines and lines[-1].startswith(DASH) and not line.startswith(DASH):
            yield "".join(lines)
            lines = []
        if lines or line.strip():
            lines.append(line)
    if lines:
        yield "".join(lines)


def _parted(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    text, gap, signatures = note.rpartition("\n\n")
    lines = signatures.removesuffix("\n").split("\n")
    if not gap or not text or not signatures.endswith("\n"):
        raise NoteError("this is not a signed note")
    return text + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    name, blank, encoded = line.removeprefix(DASH).partition(" ")
    signature = bytes_of(encoded)
    if not line.startswith(DASH) or not name or not blank or len(signature) <= _ID_BYTES:
        raise NoteError("a line of the note's signatures is malformed")
    return name, signature


def bytes_of(encoded: str) -> bytes:
    """Read base64; raise `NoteError`."""
    try:
        return b64decode(encoded, validate=True)
    except (Base64Error, ValueError):
        raise NoteError("something in it is not base64") from None
