"""The feed's entrances: a stream of lines of any length, or a small list of events that are parsed already."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from datetime import datetime
from functools import partial

from partners.feed.batches import Feed
from partners.feed.checking import check_element, check_line
from partners.feed.lines import Line, Readable, lines_of
from partners.feed.report import Report

BATCH_LINES = 8_000
BATCH_BYTES = 4 * 1024 * 1024
"""A batch holds no more than either; the result does not depend on where one ends."""
Clock = Callable[[], datetime]


def apply_stream(stream: Readable, feed: Feed, clock: Clock, *, batch_lines: int = BATCH_LINES) -> Report:
    """Apply a stream of events, one JSON object a line (contract §2); `clock` is that of the rules.

    Batches that are applied stay so if a later one fails with a `DBAPIError`: the same lines may be sent again.
    """
    report = Report()
    # While the database works on one batch, the next is read and checked.
    with ThreadPoolExecutor(max_workers=1) as worker:
        applying: Future[Report] | None = None
        for batch in _batches(lines_of(stream), batch_lines):
            now = clock()
            checked = [check_line(line, now=now) for line in batch]
            if applying is not None:
                report.add(applying.result())
            # In the request's own context: what is recorded is noted for it.
            applying = worker.submit(copy_context().run, partial(feed.apply, checked, now=now))
        if applying is not None:
            report.add(applying.result())
    return report


def apply_events(documents: Sequence[object], feed: Feed, clock: Clock) -> Report:
    """Apply a few events that are parsed already, in one transaction; the first counts as line 1."""
    now = clock()
    checked = [check_element(number, document, now=now) for number, document in enumerate(documents, start=1)]
    return feed.apply(checked, now=now)


def _batches(lines: Iterator[Line], most: int) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for line in lines:
        batch.append(line)
        size += len(line.text or b"")
        if len(batch) >= most or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
