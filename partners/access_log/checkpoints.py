"""Checkpoints (C2SP tlog-checkpoint): the log's name, its size and its root hash, signed."""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from urllib.parse import urlsplit

from partners.access_log.merkle import Hash
from partners.access_log.notes import NoteError, Signer
from partners.keyring import Keyring

LOG_NAME = "access-log"
_KEY_PURPOSE = "access-log/checkpoints"
_TEXT = re.compile(r"(?P<origin>[^\n]+)\n(?P<size>0|[1-9][0-9]{0,18})\n(?P<root>[A-Za-z0-9+/]{43}=)\n")


@dataclass(frozen=True)
class Checkpoint:
    """What a log is at one size."""

    origin: str
    """The log's name: whoever signs two trees of one size under one name is found out."""
    size: int
    root: Hash

    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


def read_checkpoint(text: str) -> Checkpoint:
    """Read a checkpoint's text, or that of a whole note; raise `NoteError`. Extension lines say nothing to us."""
    found = _TEXT.match(text)
    try:
        if found:
            return Checkpoint(found["origin"], int(found["size"]), b64decode(found["root"], validate=True))
    except Base64Error:
        pass
    raise NoteError("this is not a checkpoint")


def origin_of(issuer: str) -> str:
    """The log's usual name: the gateway's public address without its scheme."""
    parts = urlsplit(issuer)
    return f"{parts.netloc}{parts.path.rstrip('/')}/{LOG_NAME}"


def signer_of(keyring: Keyring, origin: str, generation: int) -> Signer:
    """A key that signs the checkpoints of a log; it derives from the gateway's secret and is stored nowhere."""
    purpose = _KEY_PURPOSE if generation == 1 else f"{_KEY_PURPOSE}/{generation}"
    return Signer(origin, keyring.derive(purpose))
