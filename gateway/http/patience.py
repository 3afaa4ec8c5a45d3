"""How long a request may wait for the database in all: then the answer is 503, in time for whoever asked."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from partners.postgres import deadline

ANSWER_S = 2.5
"""For everything that is asked; half a second is left for the rest of the three in which an answer is promised."""
SEARCH_S = 30.0
"""For statistics and searches of the log, once their caller was let in: by then the database has answered."""


def register(app: Flask) -> None:
    """Let each request wait, and no longer than is promised."""
    app.before_request(answer_soon)
    app.teardown_request(lambda _: deadline.lift())


def answer_soon() -> None:
    """Let what follows wait as long as an answer may take."""
    deadline.allow(ANSWER_S)


@contextmanager
def searching() -> Iterator[None]:
    """Let the block wait as long as a search may take, and what comes after it as long as an answer."""
    deadline.allow(SEARCH_S)
    try:
        yield
    finally:
        answer_soon()


def search() -> None:
    """Let all that follows wait as long as a search may take."""
    deadline.allow(SEARCH_S)


def feed() -> None:
    """Let all that follows wait as long as a batch of the feed may take; each statement has its own time limit."""
    deadline.lift()
