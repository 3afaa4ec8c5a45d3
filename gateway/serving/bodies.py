"""Request bodies as workers read them: what is malformed, cut off or stalled is the caller's fault, not a failure."""

from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import Any, BinaryIO
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask
from gunicorn.http.errors import NoMoreData, ParseException
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestTimeout
from werkzeug.wsgi import get_content_length

MOST_TAKEN_FOR_NOTHING = 60_000
"""Bytes; gunicorn takes as many of an unread body, and some more, and ends the connection where there are yet more."""


class SafeBodies:
    """The application, with request bodies that raise HTTP errors of the 4xx kind."""

    def __init__(self, app: Flask) -> None:
        """Take the application."""
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; where more of its body is unread than is taken for nothing, the connection ends with it."""
        is_chunked = "HTTP_TRANSFER_ENCODING" in environ
        environ["wsgi.input"] = body = _Body(environ["wsgi.input"], get_content_length(environ), is_chunked=is_chunked)

        def start(*args: Any) -> Callable[[bytes], object]:
            if body.left > MOST_TAKEN_FOR_NOTHING:
                # The server's own method, whose response alone can say so.
                start_response.__self__.force_close()  # type: ignore[attr-defined]
            return start_response(*args)

        return self._app(environ, start)


class _Body:
    """A body that tells a cut-off one from one that has ended; gunicorn itself does not."""

    def __init__(self, body: BinaryIO, length: int | None, *, is_chunked: bool) -> None:
        self._body = body
        self._length = length
        self._taken = 0
        self._may_go_on = is_chunked

    @property
    def left(self) -> float:
        """How many bytes of it nobody has read; of one without a length, nobody knows until it has ended."""
        return inf if self._may_go_on else (self._length or 0) - self._taken

    def read(self, size: int = -1) -> bytes:
        return self._take(self._body.read, size)

    def readline(self, size: int = -1) -> bytes:
        return self._take(self._body.readline, size)

    def readlines(self, hint: int = -1) -> list[bytes]:
        _ = hint
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _take(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            taken = read(size)
        except NoMoreData as error:
            raise ClientDisconnected from error
        except ParseException as error:
            raise BadRequest from error
        except (BlockingIOError, TimeoutError) as error:
            raise RequestTimeout from error
        except OSError as error:
            raise ClientDisconnected from error
        self._taken += len(taken)
        ended = len(taken) < size if size >= 0 and read == self._body.read else not taken
        self._may_go_on &= not ended
        if ended and size != 0 and self._length is not None and self._taken < self._length:
            raise ClientDisconnected
        return taken
