"""The journal of members' rights outside the database: what no restore may undo, sealed, as long as backups live."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from sqlalchemy import ARRAY, Connection, DateTime, Uuid, any_, bindparam, delete, event, insert, select

from partners.access_log.identifiers import instant_of, new_id, parse
from partners.files import replacing
from partners.keyring import Keyring
from partners.tables.rights import journal_entry

KEPT = timedelta(days=35)
"""Backups live for 30 days (R41); the rest is for whoever restores one late."""
SUFFIX = ".sealed"
# As one parameter: a statement has 65,535 at most, and members decide oftener in the time that entries are kept.
_KNOWN = select(journal_entry.c.id).where(journal_entry.c.id == any_(bindparam("entries", type_=ARRAY(Uuid))))
_KEPT = select(journal_entry.c.id).where(journal_entry.c.at > bindparam("since", type_=DateTime(timezone=True)))
_FORGOTTEN_WITHIN = timedelta(days=1)
"""So much younger are those that nobody can have forgotten yet."""
Change = dict[str, Any]
"""What a member decided, in plain JSON."""


class JournalError(Exception):
    """The journal cannot be written or read; the message says why."""


@dataclass(frozen=True)
class Journal:
    """A directory with one file for each transaction that changed what members decided."""

    directory: Path
    keyring: Keyring
    is_named: bool = False
    """Whether somebody said where it is: then all machines share it, and what the database knows has to be there."""

    def append(self, connection: Connection, changes: Sequence[Change]) -> None:
        """Write changes down before their transaction is committed; raise `JournalError` where that cannot be.

        A file that no transaction followed is re-applied at the next start: the platform asked for it. Where the
        transaction is known to have failed, the file goes.
        """
        if not changes:
            return
        now = datetime.now(UTC)
        identifier = new_id(now)
        connection.execute(insert(journal_entry).values(id=identifier, at=now))
        path = self._path(identifier)
        try:
            self._write(path, self.keyring.seal(orjson.dumps(changes)))
        except OSError as error:
            raise JournalError(f"the rights journal cannot be written: {error.strerror}") from None
        _remove_if_undone(connection, path)

    def entries(self) -> list[UUID]:
        """Every entry, the oldest first; none where there is no directory yet.

        Raise `JournalError` where it cannot be read, or a file has the suffix of an entry, and not the name.
        """
        try:
            files = [path for path in self.directory.iterdir() if path.suffix == SUFFIX]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise JournalError(f"the rights journal in {self.directory} cannot be read: {error.strerror}") from None
        return sorted(map(_entry_in, files), key=lambda entry: entry.int)

    def lacking(self, connection: Connection) -> list[UUID]:
        """The entries that this database does not have, the oldest first: none unless it was set back.

        Raise `JournalError` as `entries` does, and where a journal that `is_named` lacks some that the database has.
        """
        lost = self.lost(connection) if self.is_named else 0
        if lost:
            text = f"{lost} entries of the rights journal that the database knows are not in {self.directory}"
            raise JournalError(f"{text}; GATEWAY_JOURNAL_DIR has to be the one that they were written to")
        entries = self.entries()
        there = set(connection.execute(_KNOWN, {"entries": entries}).scalars())
        return [entry for entry in entries if entry not in there]

    def lost(self, connection: Connection) -> int:
        """How many entries the database has that are not here and should be; raise `JournalError` as `entries` does."""
        # Before the files: each of them was there before its transaction was committed.
        kept = connection.execute(_KEPT, {"since": datetime.now(UTC) - KEPT + _FORGOTTEN_WITHIN}).scalars().all()
        return len(set(kept).difference(self.entries()))

    def read(self, entry: UUID) -> list[Change]:
        """What an entry says; raise `JournalError` where it was altered or sealed with another key."""
        try:
            changes: list[Change] = orjson.loads(self.keyring.unseal(self._path(entry).read_bytes()))
        except (InvalidTag, OSError, ValueError):
            raise JournalError(f"entry {entry.hex} of the rights journal cannot be opened with this key") from None
        return changes

    def has(self, entry: UUID) -> bool:
        """Whether an entry is there still."""
        return self._path(entry).exists()

    def forget(self, connection: Connection, *, now: datetime) -> int:
        """Remove entries that no backup can lack any more; return how many. Raise `JournalError` as `entries` does."""
        old = [entry for entry in self.entries() if instant_of(entry) < now - KEPT]
        for entry in old:
            self._path(entry).unlink(missing_ok=True)
        connection.execute(delete(journal_entry).where(journal_entry.c.at < now - KEPT))
        return len(old)

    def _path(self, entry: UUID) -> Path:
        return self.directory / f"{entry.hex}{SUFFIX}"

    def _write(self, path: Path, sealed: bytes) -> None:
        """Whole or not at all, and on the disk before anything is committed."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(sealed)


def _entry_in(path: Path) -> UUID:
    entry = parse("", path.stem)
    if entry is None:
        raise JournalError(f"{path} has no name of an entry of the rights journal; take it away or name it as it was")
    return entry


def _remove_if_undone(connection: Connection, path: Path) -> None:
    committing: list[bool] = []

    def commit(_: Connection) -> None:
        committing.append(True)

    def rollback(_: Connection) -> None:
        # What failed while it was committed may be committed.
        if not committing and not connection.invalidated:
            path.unlink(missing_ok=True)

    event.listen(connection, "commit", commit)
    event.listen(connection, "rollback", rollback)
