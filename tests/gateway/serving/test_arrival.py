"""How much of a request is waited for before a thread begins."""

from time import process_time

import pytest

from gateway.serving.arrival import Followed, lacking


@pytest.mark.parametrize(("path", "waited_for"), [("platform/events", 64 << 10), ("statistics/query", 128 << 10)])
def test_of_a_long_body_as_much_is_waited_for_as_is_read_at_once(path: str, waited_for: int) -> None:
    """A slow feed has half a minute for it: events are read as they come."""
    head = b"POST /v1/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 160000\r\n\r\n" % path.encode()

    assert lacking(head, Followed()) == waited_for
    assert lacking(head + b"x" * (waited_for - 1), Followed()) == 1
    assert lacking(head + b"x" * waited_for, Followed()) == 0


@pytest.mark.parametrize(
    ("length", "missing"), [("0", 0), ("000", 0), (" 0042\t", 42), ("42", 42), ("9" * 30, 128 << 10)]
)
def test_a_length_is_read_whatever_stands_before_it(length: str, missing: int) -> None:
    assert lacking(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %s\r\n\r\n" % length.encode(), Followed()) == missing


def test_a_length_of_very_many_zeros_is_looked_through_once() -> None:
    """Tried from each zero again, 32 kB of them take the only processor half a minute."""
    zeros = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"0" * 32_000 + b"x\r\n\r\n"
    began = process_time()

    assert lacking(zeros, Followed()) == 0
    assert process_time() - began < 1


def test_of_chunks_in_many_pieces_each_is_looked_at_once() -> None:
    head = b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks, followed, began = b"1\r\na\r\n" * 20_000, Followed(), process_time()

    for come in range(len(chunks) - 30_000, len(chunks), 60):
        assert lacking(head + chunks[:come] + b"1\r\n", followed) == 3
    assert lacking(head + chunks + b"0\r\n\r\n", followed) == 0
    assert process_time() - began < 3
