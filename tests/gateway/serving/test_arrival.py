"""How much of a request is waited for before a thread begins."""

import pytest

from gateway.serving.arrival import lacking


@pytest.mark.parametrize(("path", "waited_for"), [("platform/events", 64 << 10), ("statistics/query", 128 << 10)])
def test_of_a_long_body_as_much_is_waited_for_as_is_read_at_once(path: str, waited_for: int) -> None:
    """A slow feed has half a minute for it: events are read as they come."""
    head = b"POST /v1/%s HTTP/1.1\r\nHost: x\r\nContent-Length: 160000\r\n\r\n" % path.encode()

    assert lacking(head) == waited_for
    assert lacking(head + b"x" * (waited_for - 1)) == 1
    assert lacking(head + b"x" * waited_for) == 0
