"""The checkpoints that were signed: in the database, and the last of them outside it, where no restore reaches."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select

from partners.access_log.checkpoints import Checkpoint, read_checkpoint
from partners.files import replacing
from partners.tables.sealing import log_checkpoint

_NEWEST = select(log_checkpoint).order_by(log_checkpoint.c.number.desc()).limit(1)
_NAME = func.split_part(log_checkpoint.c.note, "\n", 1)


class StoredCheckpoint(NamedTuple):
    """A checkpoint as it is stored."""

    number: int
    """From 1, without gap."""
    size: int
    note: str
    horizon: int
    """Every record of an earlier transaction is sealed."""


NONE = StoredCheckpoint(0, 0, "", 0)
"""What stands before the first checkpoint."""


def newest(connection: Connection) -> StoredCheckpoint | None:
    """Return the checkpoint that was signed last."""
    row: Row[Any] | None = connection.execute(_NEWEST).one_or_none()
    return StoredCheckpoint(row.number, row.size, row.note, row.horizon) if row else None


def first_of_each_name(connection: Connection) -> Sequence[str]:
    """Return the note that was stored first under each name that the log has had, the oldest first."""
    numbers = select(func.min(log_checkpoint.c.number)).group_by(_NAME)
    firsts = select(log_checkpoint.c.note).where(log_checkpoint.c.number.in_(numbers))
    return connection.execute(firsts.order_by(log_checkpoint.c.number)).scalars().all()


def keep(connection: Connection, checkpoint: StoredCheckpoint) -> None:
    """Append a checkpoint."""
    connection.execute(insert(log_checkpoint), checkpoint._asdict())


class Anchor:
    """The newest note of a log, in a file: a database that was set back to an earlier state does not fit it."""

    def __init__(self, directory: Path, origin: str) -> None:
        """Keep it in a directory, by the log's name."""
        name = hashlib.sha256(origin.encode()).hexdigest()[:16]
        self.path = directory / "access-log" / f"{name}.checkpoint"

    def last(self) -> Checkpoint | None:
        """What was signed last, as this machine remembers; raise `NoteError` or `OSError` if that is unreadable."""
        with suppress(FileNotFoundError):
            return read_checkpoint(self.path.read_text(encoding="utf-8", errors="replace"))
        return None

    def move(self, note: str) -> None:
        """Remember a newer note; raise `OSError` where that cannot be."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(self.path) as file:
            file.write(note.encode())
