"""Files of the spool as they are read again: records, and what was done to the files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from partners.spool.framing import LONGEST_LINE, PATTERN, Chain, day_of_file


class SpoolUnreadableError(Exception):
    """A spool cannot be read; the message says why."""


@dataclass(frozen=True)
class Extent:
    """A file, and how much of it was there when somebody began to look."""

    path: Path
    day: date
    size: int


@dataclass(frozen=True)
class Kept:
    """A record in a file."""

    leaf: bytes


@dataclass(frozen=True)
class Damage:
    """Lines of a file that do not go on from those before them."""

    path: Path
    first: int
    last: int

    def sentence(self) -> str:
        """Say where."""
        lines = f"line {self.first}" if self.first == self.last else f"lines {self.first} to {self.last}"
        return f"{lines} of {self.path.name} are not as they were written, or others are missing before them"


@dataclass(frozen=True)
class Torn:
    """The end of a file that broke off within a line: the process ended, or its disk was full."""

    path: Path


Found = Kept | Damage | Torn


def extents(directory: Path) -> list[Extent]:
    """The files that are there now, the oldest first; raise `SpoolUnreadableError`.

    Look before the database is looked at: what is in a file by then is in the database, and not the other way round.
    """
    if not directory.is_dir():
        raise SpoolUnreadableError(f"{directory} is no directory")
    try:
        paths = sorted(directory.glob(PATTERN))
        dated = [(path, day_of_file(path.name)) for path in paths]
        return [Extent(path, day, path.stat().st_size) for path, day in dated if day is not None]
    except OSError as error:
        raise SpoolUnreadableError(f"{directory} cannot be read: {error.strerror}") from None


def read(extent: Extent, key: bytes) -> Iterator[Found]:
    """Everything in a file, in its order; raise `SpoolUnreadableError`."""
    try:
        yield from _joined(_read(extent, key))
    except OSError as error:
        raise SpoolUnreadableError(f"{extent.path} cannot be read: {error.strerror}") from None


def _read(extent: Extent, key: bytes) -> Iterator[Found]:
    chain, left = Chain(key, extent.path.name), extent.size
    with extent.path.open("rb") as file:
        number = 0
        while left and (line := file.readline(min(left, LONGEST_LINE))):
            number, left = number + 1, left - len(line)
            if not line.endswith(b"\n") and not left:
                yield Torn(extent.path)
            elif number == 1:
                if line != chain.heading():
                    yield Damage(extent.path, number, number)
            elif (leaf := chain.follows(line.removesuffix(b"\n"))) is not None:
                yield Kept(leaf)
            else:
                yield Damage(extent.path, number, number)
        if left:
            yield Damage(extent.path, number + 1, number + 1)


def _joined(found: Iterator[Found]) -> Iterator[Found]:
    """Make one of damaged lines that follow each other: a file of another secret key is one thing, not a million."""
    held: Damage | None = None
    for each in found:
        if isinstance(each, Damage) and held is not None and each.first == held.last + 1:
            held = Damage(held.path, held.first, each.last)
            continue
        if held is not None:
            yield held
        held = each if isinstance(each, Damage) else None
        if held is None:
            yield each
    if held is not None:
        yield held


def by_day(found: Sequence[Extent]) -> Iterator[tuple[date, list[Extent]]]:
    """Files by the day on which they were written, in order."""
    days = sorted({extent.day for extent in found})
    yield from ((day, [extent for extent in found if extent.day == day]) for day in days)
