"""How a file of the spool is written: a heading, then a line for each record, each bound to the one before it."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import date, datetime
from secrets import token_hex

from partners.keyring import Keyring

PATTERN = "access-log-*.spool"
_NAME = re.compile(r"access-log-(\d{4})(\d\d)(\d\d)T\d{12}Z-\d+-[0-9a-f]{16}\.spool")
_KIND = "member-data-gateway access-log spool 1"
_MAC_HEX = 64
LONGEST_LINE = 1 << 20
"""Bytes; a leaf has about a thousand."""


def key_of(keyring: Keyring) -> bytes:
    """The key of the codes that bind a file's lines; the database does not have it."""
    return keyring.derive("access-log/spool")


def name_of_file(opened_at: datetime, process: int) -> str:
    """A name that no other process takes, on whatever machine, and that tells the day (UTC)."""
    return f"access-log-{opened_at:%Y%m%dT%H%M%S%f}Z-{process}-{token_hex(8)}.spool"


def day_of_file(name: str) -> date | None:
    """The day on which a file was written (UTC); nothing if the name is none of ours."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        return date(*map(int, found.groups()))
    except ValueError:
        return None


class Chain:
    """The codes of a file's lines, in their order: HMAC-SHA256 over the code before and the record's bytes.

    A line that is edited, put in or taken out from between others does not fit any more; one that was cut off at the
    end is not missed.
    """

    def __init__(self, key: bytes, name: str) -> None:
        """Begin a file; its name is in the first code, so that no file passes for another."""
        self._key = key
        self._heading = f"{_KIND}\n{name}".encode()
        self.code = self._next(b"", self._heading)

    def heading(self) -> bytes:
        """The file's first line."""
        return _KIND.encode() + b" " + self.code.hex().encode() + b"\n"

    def framed(self, leaves: Iterable[bytes]) -> bytes:
        """The lines of records, whose bytes are one line of JSON each."""
        lines = []
        for leaf in leaves:
            self.code = self._next(self.code, leaf)
            lines += [self.code.hex().encode(), b" ", leaf, b"\n"]
        return b"".join(lines)

    def follows(self, line: bytes) -> bytes | None:
        """Read a whole line without its end: the record's bytes, or nothing where it does not go on from the last.

        Either way the next has to go on from what this one claims to be, so that each change is found where it is.
        """
        claimed, _, leaf = line.partition(b" ")
        expected = self._next(self.code, leaf)
        try:
            self.code = bytes.fromhex(claimed.decode("ascii")) if len(claimed) == _MAC_HEX else expected
        except ValueError:
            self.code = expected
        return leaf if hmac.compare_digest(claimed, expected.hex().encode()) else None

    def _next(self, code: bytes, leaf: bytes) -> bytes:
        return hmac.digest(self._key, code + leaf, hashlib.sha256)
