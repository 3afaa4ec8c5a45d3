"""A stream of bytes cut into numbered lines, in bounded memory."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

LONGEST_LINE = 64 * 1024
_CHUNK = 256 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Readable(Protocol):
    """What lines are read from: a file, a pipe, the body of a request."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; none at the end."""


class Line(NamedTuple):
    """A line and its number, counted from 1; `text` is nothing where the line was too long to be kept."""

    number: int
    text: bytes | None
    size: int


def lines_of(stream: Readable) -> Iterator[Line]:
    """Yield the lines that are not blank; the last one may lack its line feed."""
    for number, (text, size) in enumerate(_cut(stream), start=1):
        content = text.removeprefix(_BYTE_ORDER_MARK) if number == 1 else text
        if size > LONGEST_LINE:
            yield Line(number, None, size)
        elif content and not content.isspace():
            yield Line(number, content, size)


def _cut(stream: Readable) -> Iterator[tuple[bytes, int]]:
    """Yield each line's bytes and true length; of one that is too long only the beginning is kept."""
    begun, size = b"", 0
    while chunk := stream.read(_CHUNK):
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            line, whole = begun + end, size + len(end)
            # A carriage return before the line feed belongs to the end, not to the line.
            yield line, whole - (len(line) == whole and line.endswith(b"\r"))
            begun, size = b"", 0
        begun = (begun + rest)[: LONGEST_LINE + 1]
        size += len(rest)
    if size:
        yield begun, size
