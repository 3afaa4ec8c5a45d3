"""How commands print: lines and columns for people, or one JSON document for scripts."""

import errno
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeAlias

import click
import orjson

from partners.files import replacing

P = ParamSpec("P")
Entry: TypeAlias = Mapping[str, object]
Document: TypeAlias = Entry | Sequence[Entry]
_DEVICES = Path("/dev")
_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def printed(command: Callable[P, Document]) -> Callable[P, None]:
    """Give a command `--json`, and print what it returns."""

    @_json_option
    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.pop("as_json"))
        _print(command(*args, **kwargs), as_json=as_json)

    return run


def printed_before(command: Callable[P, Iterator[Document]]) -> Callable[P, None]:
    """Give a command `--json`, and print what it yields before it goes on; where that fails, it fails there.

    For secrets that are shown once: none is committed that nobody can have seen.
    """

    @_json_option
    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        as_json = bool(kwargs.pop("as_json"))
        with contextmanager(command)(*args, **kwargs) as document:
            check_output()
            _print(document, as_json=as_json)

    return run


def check_output() -> None:
    """Raise `OSError` where the standard output was closed: click would print nothing, and not say so."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")


def let_go_of_output() -> None:
    """Forget what could not be written, which Python would try again at the end, and complain about."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError), Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _print(document: Document, *, as_json: bool) -> None:
    click.echo(json_text(document) if as_json else _text(document), nl=as_json or bool(document))


def json_text(document: Document) -> str:
    """Write a document as JSON, instants as RFC 3339 with `Z`."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode()


@contextmanager
def output_file(path: Path) -> Iterator[BinaryIO]:
    """A file that nobody else may read, and that is there only once it is whole; a device or a pipe as it is."""
    is_stream = path.parent == _DEVICES or (path.exists() and not path.is_file())
    try:
        with path.open("wb") if is_stream else replacing(path) as file:
            yield file
    except OSError as error:
        raise click.FileError(str(path), error.strerror) from None


def _text(document: Document) -> str:
    if isinstance(document, Mapping):
        return "\n".join(f"{name}: {_word(value)}" for name, value in document.items())
    return _columns(document)


def _columns(entries: Sequence[Entry]) -> str:
    if not entries:
        return ""
    rows = [[name.upper() for name in entries[0]], *([_word(value) for value in entry.values()] for entry in entries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def _word(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ",".join(f"{name}={_word(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_word, value)) or "-"
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else str(value)
