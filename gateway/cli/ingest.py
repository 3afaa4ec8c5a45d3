"""`gateway ingest`: the platform's feed from a file or a pipe, the same lines as over HTTP (contract §2)."""

import gc
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import IO, BinaryIO

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from gateway.cli.inputs import check_input
from gateway.cli.operator import access_by_operator
from gateway.cli.output import json_text
from gateway.cli.session import Session, session
from partners.access_log.append import Access
from partners.feed import Feed, LineError, Report, apply_stream
from partners.feed.lines import Readable
from partners.vocabulary import Purpose
from serializers.feed import report_document

MOST_ERRORS_SHOWN = 20


class _Events(click.File):
    """A file, or `-` for the standard input."""

    def convert(  # type: ignore[override]
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> IO[bytes]:
        """Open it."""
        check_input(value)
        return super().convert(value, param, ctx)


@click.command("ingest")
@click.argument("file", type=_Events("rb"))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(file: BinaryIO, *, as_json: bool) -> None:
    """Apply the platform's events from FILE, or from the standard input with `-`.

    One CloudEvents event a line. Each event is applied once, so that a feed that broke off can simply be sent again.
    Rejected lines are counted and told, and stop nothing: the exit code is 0 if every line was read.
    """
    _look_for_cycles_less_often()
    _take_turns_more_often()
    with session() as opened, _watched(file, shown=sys.stderr.isatty() and not as_json) as stream:
        report = apply_stream(stream, feed_of(opened), opened.settings.now)
    click.echo(json_text(report_document(report)) if as_json else _text(report))


def feed_of(opened: Session) -> Feed:
    """The feed that an operator applies; what it opts out is on record as theirs."""

    def access() -> Access:
        return replace(access_by_operator(opened.instant(), "events.write"), purpose=Purpose.OPERATION)

    return Feed(opened.database, opened.keyring, opened.journal, access)


def _look_for_cycles_less_often() -> None:
    """What a batch makes goes without the collector's help; looking through it all the time costs a quarter."""
    gc.set_threshold(50_000, 20, 50)


def _take_turns_more_often() -> None:
    """One thread checks while the other waits for the database, many times a second: neither should then wait 5 ms."""
    sys.setswitchinterval(0.0005)


class _Reading:
    """A stream that tells how much of it was read."""

    def __init__(self, stream: BinaryIO, progress: Progress) -> None:
        self._stream = stream
        self._progress = progress
        self._task = progress.add_task("reading", total=_size_of(stream))

    def read(self, size: int, /) -> bytes:
        chunk = _read(self._stream, size)
        self._progress.advance(self._task, len(chunk))
        return chunk


@contextmanager
def _watched(stream: BinaryIO, *, shown: bool) -> Iterator[Readable]:
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(TextColumn("{task.description}"), *columns, console=console, disable=not shown) as progress:
        yield _Reading(stream, progress)


def _read(stream: BinaryIO, size: int) -> bytes:
    try:
        return stream.read(size)
    except OSError as error:
        raise click.ClickException(f"The events cannot be read: {error.strerror or error}.") from error


def _size_of(stream: BinaryIO) -> int | None:
    """The size of a file; of a pipe nobody knows it."""
    try:
        found = os.fstat(stream.fileno())
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _text(report: Report) -> str:
    lines = [f"accepted: {report.accepted}", f"duplicates: {report.duplicates}", f"rejected: {report.rejected}"]
    lines += [_told(error) for error in report.errors[:MOST_ERRORS_SHOWN]]
    left = report.rejected - MOST_ERRORS_SHOWN
    if left > 0:
        lines.append(f"… and {left} more; --json tells the first thousand.")
    return "\n".join(lines)


def _told(error: LineError) -> str:
    event = f" ({error.id})" if error.id else ""
    return f"line {error.line}{event}: {error.fault.code}: {error.fault.detail}"
