"""What a verification relies on and the log's database does not hold: keys, and checkpoints that were seen before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from partners.access_log.checkpoints import Checkpoint, read_checkpoint
from partners.access_log.notes import NoteError, Verifier, notes_in, opened, read_vkey


@dataclass(frozen=True)
class Trust:
    """Whose checkpoints are believed."""

    verifiers: Sequence[Verifier]
    own: Verifier | None = None
    """This gateway's own key; the log may have had another name under it."""

    def open(self, note: str) -> Checkpoint:
        """Read a checkpoint that a trusted key signed under the log's name; raise `NoteError`."""
        checkpoint = read_checkpoint(note)
        self.open_signed(note, checkpoint.origin)
        return checkpoint

    def open_signed(self, note: str, origin: str) -> str:
        """Return what a key signed that is trusted with the log of a name; raise `NoteError`."""
        known = [each for each in self.verifiers if each.name == origin]
        if self.own is not None:
            known.append(Verifier(origin, self.own.public))
        return opened(note, known)


@dataclass(frozen=True)
class Witness:
    """What somebody has seen of the log."""

    name: str
    """Of its file."""
    seen: Sequence[Checkpoint]
    longest_lag: timedelta | None
    """How old the first entry that it does not cover may be before it counts as stale; None for any age."""

    @property
    def size(self) -> int:
        """How much of the log it covers."""
        return max((checkpoint.size for checkpoint in self.seen), default=0)

    def lack(self, first_uncovered: datetime | None, now: datetime) -> str | None:
        """Say why it is no good witness any more, if it is none."""
        if self.longest_lag is None:
            return None
        if not self.seen:
            return f"{self.name} has no checkpoint"
        if first_uncovered is not None and first_uncovered < now - self.longest_lag:
            return f"{self.name} has seen nothing since entry {self.size}"
        return None


def read_trust(path: Path) -> Trust:
    """Read a trust file: a verifier key a line, `#` before a remark. Raise `NoteError` or `OSError`."""
    lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    verifiers = [read_vkey(line) for line in lines if line]
    if not verifiers:
        raise NoteError(f"{path} holds no verifier key")
    return Trust(verifiers)


def read_witness(path: Path, trust: Trust, longest_lag: timedelta | None) -> Witness:
    """Read a witness file: checkpoints one after the other; a missing file has none. Raise `NoteError` or `OSError`."""
    if not path.exists():
        return Witness(str(path), [], longest_lag)
    seen = []
    for note in notes_in(_unix(path.read_text())):
        try:
            seen.append(trust.open(note))
        except NoteError as error:
            raise NoteError(f"{path}: {error}") from error
    return Witness(str(path), seen, longest_lag)


def _unix(text: str) -> str:
    """A note that was pasted may have lost its last newline."""
    return re.sub(r"\n*\Z", "\n", text) if text.strip() else ""
