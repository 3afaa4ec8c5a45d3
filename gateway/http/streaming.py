"""Streams: a whole list in constant memory, chunk by chunk, and cut without its end where it fails (contract §9)."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from itertools import chain
from typing import Any

import orjson
from flask import Response
from marshmallow import Schema
from sqlalchemy.exc import SQLAlchemyError
from structlog import get_logger

from gateway.disclosure import Disclosing, release
from gateway.http.envelope import data
from gateway.http.negotiation import form_wanted
from gateway.http.paging import released_page
from gateway.records import access_of
from gateway.runtime import runtime
from gateway.spooling import Spooling, settle_here, settled, spooling
from partners.access_log.append import Access, record
from partners.postgres import deadline
from partners.postgres.database import Database
from partners.spool.spool import SpoolError
from partners.vocabulary import Outcome
from serializers.lines import Document, Lines, lines_of
from serializers.walks import Walk

CHUNK_ROWS = 2_000
Chunks = Iterator[Sequence[Document]]
Paged = Callable[[Walk, Disclosing], Response]
log = get_logger(__name__)


class BrokenStreamError(Exception):
    """Raised into the server so that it closes the connection before the last chunk: a cut answer must look cut."""


def released_list(
    walk: Walk, disclosing: Disclosing, schema: type[Schema], *, paged: Paged = released_page
) -> Response:
    """Answer with a page, or where the caller asks for lines with the whole list; `schema` is that of a row."""
    form = form_wanted()
    if form is None:
        response = paged(walk, disclosing)
    else:
        response = streamed(_released(walk, disclosing), lines_of(form, schema), disclosing)
    response.headers.add("Vary", "Accept")
    return response


def listed(documents: Sequence[Document], disclosing: Disclosing, schema: type[Schema]) -> Response:
    """Answer with a short list that is on record already: in JSON, or as lines where the caller asks for them."""
    form = form_wanted()
    if form is None:
        response = data({"data": documents})
    else:
        response = streamed(iter([documents]), lines_of(form, schema), disclosing)
    response.headers.add("Vary", "Accept")
    return response


def streamed(chunks: Chunks, lines: Lines, disclosing: Disclosing) -> Response:
    """Answer with rows as they come, by what a guard lets a caller do."""
    return sent(chunks, lines, access_of(disclosing.guard.operation, disclosing.guard.purpose, disclosing.caller))


def sent(chunks: Chunks, lines: Lines, request: Access) -> Response:
    """Answer with rows as they come; `request` is how the log describes it.

    The first chunk is taken here: a problem there is still a proper answer. What fails later cuts the stream and puts
    an `error` on record, as does a caller who leaves.
    """
    first = next(chunks, ())
    on_broken = partial(_say_broken, runtime().database, spooling(), request)
    body = written(chain([first], _in_this_context(chunks)), lines, on_broken)
    return Response(body, content_type=lines.content_type)


def written(chunks: Chunks, lines: Lines, on_broken: Callable[[str], None]) -> Generator[bytes]:
    """Yield the lines of all chunks; raise `BrokenStreamError` where one fails.

    `on_broken` is told the class of what broke it off: `GeneratorExit` where nobody takes the rest.
    """
    rows = 0
    try:
        yield lines.head()
        for documents in chunks:
            rows += len(documents)
            yield lines.of(documents)
        yield lines.end(rows)
    except BaseException as error:
        on_broken(type(error).__name__)
        if isinstance(error, Exception):
            raise BrokenStreamError from None
        raise


def note_broken(database: Database, request: Access) -> None:
    """Add the `error` record of a stream; its status is what the caller was told, for that went out before."""
    access = replace(request, at=datetime.now(UTC))
    with database.write.begin() as connection:
        record(connection, access, outcome=Outcome.ERROR, status=HTTPStatus.OK)


def _say_broken(database: Database, spooled: Spooling | None, request: Access, error: str) -> None:
    """Log and record it, with or without a request around it."""
    log.warning("stream_broken", error=error, request_id=request.request_id)
    try:
        with settled(spooled, request.request_id):
            note_broken(database, request)
    except (SQLAlchemyError, SpoolError) as failure:
        log.warning("broken_stream_not_recorded", error=type(failure).__name__, request_id=request.request_id)


def _in_this_context(chunks: Chunks) -> Chunks:
    """Take each chunk in the context of the current request, which is over by then; nothing is pushed in between."""
    context = copy_context()
    return iter(lambda: context.run(_next_in_time, chunks), None)


def _next_in_time(chunks: Chunks) -> Sequence[Document] | None:
    """Each chunk may wait as long as the first did, and is kept wherever records are kept before it goes."""
    deadline.renew()
    chunk = next(chunks, None)
    settle_here()
    return chunk


def _released(walk: Walk, disclosing: Disclosing) -> Chunks:
    """Each chunk is a release of its own, by what holds at that instant: who opts out midway is not in the next."""
    position: list[Any] | None = None
    while True:
        parameters = {**walk.parameters(position), "limit": CHUNK_ROWS}
        now = replace(disclosing, at=datetime.now(UTC))
        released = release(walk.statement(position, bulk=True), now, parameters, limit=CHUNK_ROWS)
        yield released.documents
        if not released.has_more:
            return
        # A walk takes positions as cursors hold them: in plain JSON.
        position = orjson.loads(orjson.dumps(released.last_keys))
