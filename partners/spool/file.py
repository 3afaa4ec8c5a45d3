"""One file of the spool, and the process' way from one to the next."""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path
from secrets import token_hex
from time import monotonic

from partners.files import keep_names
from partners.spool.framing import Chain, day_of_file, name_of_file

AGAIN_AFTER_S = 1.0
"""So long after a failure the disk is left alone."""
_PROBE = b"\0" * 4_096


class File:
    """An append-only file that this process alone writes."""

    def __init__(self, directory: Path, key: bytes) -> None:
        """Make it, on the disk with its name; raise `OSError`. The directory is never made: a mount may be missing."""
        self.path = directory / name_of_file(datetime.now(UTC), os.getpid())
        self.day = day_of_file(self.path.name)
        self._chain = Chain(key, self.path.name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self.path, flags, 0o600)
        self._size = 0
        try:
            self._write(self._chain.heading())
            keep_names(directory)
        except OSError:
            self.close()
            with suppress(OSError):
                self.path.unlink()
            raise

    def append(self, leaves: Sequence[bytes]) -> None:
        """Return once records are on the disk; raise `OSError`, and then the file is of no more use."""
        self._write(self._chain.framed(leaves))

    def is_there(self) -> bool:
        """Whether the name still leads to this very file, and nothing was taken from it or put into it."""
        held = os.fstat(self._descriptor)
        if not held.st_nlink or held.st_size != self._size:
            return False
        try:
            named = self.path.stat()
        except OSError:
            return False
        return (named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)

    def close(self) -> None:
        """Let go of it."""
        with suppress(OSError):
            os.close(self._descriptor)

    def _write(self, lines: bytes) -> None:
        left = memoryview(lines)
        while left:
            written = os.write(self._descriptor, left)
            if not written:
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            self._size, left = self._size + written, left[written:]
        os.fdatasync(self._descriptor)


@dataclass
class Files:
    """Appends to a file of today's, and opens another after a failure, a change of day, or where the file was lost."""

    directory: Path
    key: bytes
    on_lost: Callable[[str], None]
    """Is told the name of a file that was deleted, replaced or changed under our hands."""
    _file: File | None = None
    _failed: OSError | None = None
    _again_at: float = 0.0

    def append(self, leaves: Sequence[bytes]) -> None:
        """Return once records are on the disk; raise `OSError`. Without any, only try what it would take."""
        if self._failed is not None and monotonic() < self._again_at:
            raise self._failed
        try:
            if leaves:
                self._current().append(leaves)
            else:
                probe(self.directory)
        except OSError as error:
            self._failed, self._again_at = error, monotonic() + AGAIN_AFTER_S
            self._leave()
            raise
        self._failed = None

    def _current(self) -> File:
        file = self._file
        if file is not None and not file.is_there():
            self.on_lost(file.path.name)
            self._leave()
        elif file is not None and file.day != datetime.now(UTC).date():
            self._leave()
        if self._file is None:
            self._file = File(self.directory, self.key)
        return self._file

    def _leave(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None


def probe(directory: Path) -> None:
    """Write as much as several records are, and take it back; raise `OSError`."""
    path = directory / f".probe-{os.getpid()}-{token_hex(8)}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        if os.write(descriptor, _PROBE) < len(_PROBE):
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)
