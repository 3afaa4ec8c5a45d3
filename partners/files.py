"""Files that outlast a power cut."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600
"""Its owner alone may read it."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def replacing(path: Path, *, mode: int = PRIVATE) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place, on the disk with its name, once it is whole.

    Where an error ends that, what was there stays as it was, and nothing is left beside it. One writer at a time.
    Raise `OSError`.
    """
    part = path.with_name(f"{path.name}.part")
    with new(part, mode=mode) as file:
        yield file
    try:
        part.replace(path)
    except OSError:
        _remove(part)
        raise
    keep_names(path.parent)


@contextmanager
def new(path: Path, *, mode: int = PRIVATE) -> Iterator[BinaryIO]:
    """A file of this very mode (less the umask), on the disk when it is left; none where an error ends that.

    What somebody left there before, or put there, goes. Raise `OSError`.
    """
    path.unlink(missing_ok=True)
    with open(os.open(path, _NEW, mode), "wb") as file:  # noqa: PTH123 - a descriptor has no path
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            _remove(path)
            raise


def keep_names(directory: Path) -> None:
    """Return once a power cut takes no name out of a directory any more."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
