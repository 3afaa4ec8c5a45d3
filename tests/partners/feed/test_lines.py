"""A stream is cut into numbered lines, and none that is too long is ever held whole."""

import io
from typing import Any

import pytest

from partners.feed.lines import LONGEST_LINE, lines_of


class Trickle(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def read(self, _: Any = -1, /) -> bytes:
        return super().read(3)


def cut(body: bytes, stream: type[io.BytesIO] = io.BytesIO) -> list[tuple[int, bytes | None]]:
    return [(line.number, line.text) for line in lines_of(stream(body))]


@pytest.mark.parametrize("stream", [io.BytesIO, Trickle])
def test_blank_lines_are_numbered_and_left_out(stream: type[io.BytesIO]) -> None:
    assert cut(b"one\n\n  \t\r\ntwo\r\n", stream) == [(1, b"one"), (4, b"two\r")]


@pytest.mark.parametrize("stream", [io.BytesIO, Trickle])
def test_last_line_may_lack_its_line_feed(stream: type[io.BytesIO]) -> None:
    assert cut(b"one\ntwo", stream) == [(1, b"one"), (2, b"two")]


def test_nothing_at_all_is_no_line() -> None:
    assert cut(b"") == []


def test_byte_order_mark_before_the_first_line_is_no_part_of_it() -> None:
    assert cut(b"\xef\xbb\xbf{}\n\xef\xbb\xbf{}\n") == [(1, b"{}"), (2, b"\xef\xbb\xbf{}")]


@pytest.mark.parametrize("size", [LONGEST_LINE, LONGEST_LINE + 1])
@pytest.mark.parametrize("stream", [io.BytesIO, Trickle])
def test_a_carriage_return_before_the_line_feed_makes_no_line_longer(stream: type[io.BytesIO], size: int) -> None:
    whole = size <= LONGEST_LINE

    assert cut(b"x" * size + b"\r\nnext", stream) == [(1, b"x" * size + b"\r" if whole else None), (2, b"next")]


@pytest.mark.parametrize("size", [LONGEST_LINE, LONGEST_LINE + 1, 10 * LONGEST_LINE])
def test_line_of_64_kib_is_kept_and_a_longer_one_is_not(size: int) -> None:
    lines = cut(b"x" * size + b"\nnext\n")

    assert lines == [(1, b"x" * size if size <= LONGEST_LINE else None), (2, b"next")]


def test_endless_line_is_read_in_bounded_memory() -> None:
    class Endless:
        left = 2_000

        def read(self, size: int, /) -> bytes:
            self.left -= 1
            return b"x" * size if self.left > 0 else b""

    (line,) = lines_of(Endless())

    assert line.text is None
    assert line.size > 400_000_000
