"""How far a request has come: a thread begins when nothing is missing that a slow caller could keep it waiting for."""

import re
from dataclasses import dataclass

from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException

from gateway.api.bodies import LARGEST_BODY
from gateway.http.bodies import LARGEST_OF_ANYBODY

LONGEST_LINE = 24 << 10
"""Bytes of the request line: a hundred usernames find room in a query."""
LONGEST_HEAD = 32 << 10
"""Bytes of that line and all header fields."""
MOST_OF_A_BODY = LARGEST_BODY
"""Bytes of a body that are waited for: of all but events that is the whole of what is read."""
ENOUGH = LONGEST_HEAD + MOST_OF_A_BODY
_LINE, _BLANK = b"\r\n", b"\r\n\r\n"
_STREAMED = b" /v1/platform/events"
"""Where a body may be of any length: the platform alone is let in, and it is read as it comes.

Of one with a length, what is read of anybody is waited for.
"""
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*+0*+([0-9]++)[ \t]*+\r\n")
"""Possessive: nobody's zeros are counted again from each of them. What is none but zeros is waited for as little."""
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]+")
_LONGEST_CHUNK_LINE = 8_190
"""As long as gunicorn goes on reading one."""
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n")
_MOST_DIGITS = len(str(MOST_OF_A_BODY))


class BodyTooLongError(ParseException):  # type: ignore[misc]  # gunicorn is untyped
    """A body in chunks that goes on beyond what is read of any but events, whoever sends it."""


@dataclass
class Followed:
    """How far the chunks of a body were followed: however many pieces it comes in, each chunk is looked at once."""

    place: int = 0
    """Where in the body the next chunk begins."""


def lacking(come: bytes, chunks: Followed) -> int:
    """Return how many bytes more are needed at least before a thread begins; 0 if it can read on or refuse at once.

    `chunks` belongs to the request: it is the same each time that more of it has come.

    Raise gunicorn's `LimitRequestLine` or `LimitRequestHeaders`, or `BodyTooLongError`, for what is too long.
    """
    # One empty line before a request is passed over (RFC 9112 §2.2).
    start = len(_LINE) if come.startswith(_LINE) else 0
    if come.find(_LINE, start, start + LONGEST_LINE) < 0 and len(come) > start + LONGEST_LINE:
        raise LimitRequestLine(len(come), LONGEST_LINE)
    head_end = come.find(_BLANK, start)
    if head_end < 0:
        return _lacking_of_head(come, start)
    if head_end - start > LONGEST_HEAD:
        raise LimitRequestHeaders(f"more than {LONGEST_HEAD} bytes")
    head = come[start : head_end + len(_LINE)].lower()
    body = come[head_end + len(_BLANK) :]
    is_streamed = _STREAMED in head.partition(_LINE)[0]
    if b"\r\ntransfer-encoding:" in head:
        return 0 if is_streamed else _lacking_of_chunks(body, chunks)
    length = _LENGTH.search(head) if b"\r\ncontent-length:" in head else None
    if length is None:
        return 0
    whole = int(length[1]) if len(length[1]) <= _MOST_DIGITS else MOST_OF_A_BODY
    return max(0, min(whole, LARGEST_OF_ANYBODY if is_streamed else MOST_OF_A_BODY) - len(body))


def awaits_permission(come: bytes) -> bool:
    """Whether the caller sends the body once it is told to go on (RFC 9110 §10.1.1)."""
    head, blank, body = come.partition(_BLANK)
    if not blank or body or b" HTTP/1.1" not in head.partition(_LINE)[0]:
        return False
    return _EXPECTS.search(head.lower() + _LINE) is not None


def _lacking_of_head(come: bytes, start: int) -> int:
    if len(come) > LONGEST_HEAD:
        raise LimitRequestHeaders(f"no end within {LONGEST_HEAD} bytes")
    line_end = come.find(b"\n", start)
    is_refused = line_end >= 0 and come[line_end - 1 : line_end] != b"\r"
    return 0 if is_refused else 1


def _lacking_of_chunks(body: bytes, followed: Followed) -> int:
    """How many bytes are missing up to the end of the chunk that has come in part, or of the last one's trailer."""
    while (place := followed.place) < MOST_OF_A_BODY:
        line_end = body.find(_LINE, place)
        if line_end < 0:
            return 1 if len(body) - place <= _LONGEST_CHUNK_LINE else 0
        size = _CHUNK_SIZE.match(body, place)
        if size is None:
            return 0
        if int(size[0], 16) == 0:
            is_over = body.startswith(_LINE, line_end + len(_LINE)) or body.find(_BLANK, line_end) >= 0
            return 0 if is_over else _more(body)
        end = line_end + len(_LINE) + int(size[0], 16) + len(_LINE)
        if end > len(body):
            return _more(body, end)
        followed.place = end
    raise BodyTooLongError


def _more(body: bytes, place: int = 0) -> int:
    if len(body) >= MOST_OF_A_BODY:
        raise BodyTooLongError
    return max(1, min(place, MOST_OF_A_BODY) - len(body))
