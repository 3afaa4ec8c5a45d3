"""Request bodies as workers read them: what is malformed, cut off or stalled is the caller's fault, not a failure."""

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask
from gunicorn.http.errors import NoMoreData, ParseException
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestTimeout
from werkzeug.wsgi import get_content_length


class SafeBodies:
    """The application, with request bodies that raise HTTP errors of the 4xx kind."""

    def __init__(self, app: Flask) -> None:
        """Take the application."""
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        environ["wsgi.input"] = _Body(environ["wsgi.input"], get_content_length(environ))
        return self._app(environ, start_response)


class _Body:
    """A body that tells a cut-off one from one that has ended; gunicorn itself does not."""

    def __init__(self, body: BinaryIO, length: int | None) -> None:
        self._body = body
        self._length = length
        self._taken = 0

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
        if ended and size != 0 and self._length is not None and self._taken < self._length:
            raise ClientDisconnected
        return taken
