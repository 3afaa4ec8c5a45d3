"""What a verification relies on and the log's database does not hold: keys, and checkpoints that were seen before."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from partners.access_log.checkpoints import Checkpoint, read_checkpoint
from partners.access_log.notes import NoteError, Verifier, notes_in, opened, read_vkey, signed_by

_LINE = re.compile(r"(?:(?P<key>\S+)(?: +from=(?P<first>\d{1,18}))?(?: +until=(?P<last>\d{1,18}))?)?")


@dataclass(frozen=True)
class Sizes:
    """The sizes of a log for which a key is to be believed, both ends included."""

    first: int = 0
    last: int | None = None

    def __contains__(self, size: int) -> bool:
        """Whether the key signed logs of a size."""
        return self.first <= size and (self.last is None or size <= self.last)

    def __str__(self) -> str:
        """As it stands behind a key in a trust file."""
        return (f" from={self.first}" if self.first else "") + ("" if self.last is None else f" until={self.last}")


_ANY = Sizes()


@dataclass(frozen=True)
class Trust:
    """Whose checkpoints are believed."""

    verifiers: Sequence[Verifier]
    own: Sequence[Verifier] = ()
    """This gateway's own keys; the log may have had another name under them."""
    sizes: Mapping[bytes, Sizes] = field(default_factory=dict)
    """By public key, where it is not to be believed for every size."""

    @property
    def since(self) -> int:
        """The smallest size that any key is trusted with."""
        return min(self.sizes.get(key.public, _ANY).first for key in (*self.verifiers, *self.own))

    def open(self, note: str) -> Checkpoint:
        """Read a checkpoint that a trusted key signed under the log's name; raise `NoteError`."""
        checkpoint = read_checkpoint(note)
        self.open_signed(note, checkpoint.origin, checkpoint.size)
        return checkpoint

    def open_if_known(self, note: str) -> Checkpoint:
        """The same, but believe what is older than every key: checkpoints that follow it cover it too."""
        checkpoint = read_checkpoint(note)
        if checkpoint.size >= self.since:
            self.open_signed(note, checkpoint.origin, checkpoint.size)
        return checkpoint

    def open_signed(self, note: str, origin: str, size: int) -> str:
        """Return what a key signed that is trusted with the log of a name and a size; raise `NoteError`."""
        known = [key for key in self.verifiers if key.name == origin]
        known += [Verifier(origin, key.public) for key in self.own]
        in_time = [key for key in known if size in self.sizes.get(key.public, _ANY)]
        late = {key.id for key in known if key not in in_time} & signed_by(note)
        try:
            return opened(note, in_time)
        except NoteError as error:
            if late and not {key.id for key in in_time} & signed_by(note):
                raise NoteError(f"the key {late.pop().hex()} is not trusted with {size} entries") from error
            raise


@dataclass(frozen=True)
class Witness:
    """What somebody has seen of the log."""

    name: str
    """Of its file."""
    seen: Sequence[Checkpoint]
    longest_lag: timedelta | None
    """How old the first entry that it does not cover may be before it counts as stale; None for any age."""
    is_there: bool = True

    @property
    def size(self) -> int:
        """How much of the log it covers."""
        return max((checkpoint.size for checkpoint in self.seen), default=0)

    def lack(self, first_uncovered: datetime | None, now: datetime) -> str | None:
        """Say why it is no good witness any more, if it is none."""
        if self.longest_lag is None:
            return None
        if not self.is_there:
            return f"there is no file {self.name}"
        if not self.seen:
            return f"{self.name} has no checkpoint"
        if first_uncovered is not None and first_uncovered < now - self.longest_lag:
            return f"{self.name} has seen nothing since entry {self.size}"
        return None


def read_trust(path: Path) -> Trust:
    """Read a trust file: a verifier key a line, `#` before a remark. Raise `NoteError` or `OSError`.

    `from=N` and `until=N` behind a key say for which sizes of the log it is to be believed.
    """
    verifiers, sizes = list[Verifier](), dict[bytes, Sizes]()
    for line in _text(path).splitlines():
        found = _LINE.fullmatch(line.partition("#")[0].strip())
        if found is None:
            raise NoteError(f"{path} has a line that is no verifier key")
        if found["key"]:
            verifier = read_vkey(found["key"])
            verifiers.append(verifier)
            sizes[verifier.public] = Sizes(int(found["first"] or 0), int(found["last"]) if found["last"] else None)
    if not verifiers:
        raise NoteError(f"{path} holds no verifier key")
    return Trust(verifiers, sizes=sizes)


def read_witness(path: Path, trust: Trust, longest_lag: timedelta | None) -> Witness:
    """Read a witness file: checkpoints one after the other; a missing file has none. Raise `NoteError` or `OSError`."""
    if not path.exists():
        return Witness(str(path), [], longest_lag, is_there=False)
    seen = []
    for note in notes_in(_unix(_text(path))):
        try:
            seen.append(trust.open(note))
        except NoteError as error:
            raise NoteError(f"{path}: {error}") from error
    return Witness(str(path), seen, longest_lag)


def _text(path: Path) -> str:
    """What is not UTF-8 is no note and no key, and is read so that it is found to be none."""
    return path.read_text(encoding="utf-8", errors="replace")


def _unix(text: str) -> str:
    """A note that was pasted may have lost its last newline."""
    return re.sub(r"\n*\Z", "\n", text) if text.strip() else ""
