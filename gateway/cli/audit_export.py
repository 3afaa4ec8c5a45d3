"""`gateway audit export`: every entry that matches, into a file or a pipe."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO

import click
from marshmallow import ValidationError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from gateway.cli.operator import access_by_operator
from gateway.cli.output import Document, check_output, json_text, output_file
from gateway.cli.session import Session, session
from gateway.http.streaming import BrokenStreamError, Chunks, note_broken, written
from partners.access_log.append import record
from partners.access_log.policy_versions import policy_documents
from partners.access_log.search import Search
from partners.references import References
from partners.vocabulary import Outcome
from serializers.audit import ExportForm, ExportQuery, SearchQuery, lines_of_export
from serializers.policy.recorded import Policies
from serializers.search.language import QueryError
from serializers.search.searches import Query, UnknownFieldError, entries_until, search_of

Command = Callable[..., None]


def search_options(command: Command) -> Command:
    """Give a command an option for everything that a search over HTTP takes."""
    for name, field in reversed(SearchQuery().load_fields.items()):
        key = field.data_key or name
        option = click.option(f"--{key.replace('_', '-')}", key, metavar="TEXT", help=field.metadata["description"])
        command = option(command)
    return command


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice([form.value for form in ExportForm]),
    default=ExportForm.NDJSON.value,
    show_default=True,
)
@search_options
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A file, instead of standard output."
)
@click.option("--json", "as_json", is_flag=True, help="Say what went into the file as one JSON document.")
def export(form: str, output: Path | None, *, as_json: bool, **asked: str | None) -> None:
    """Write every entry that matches, newest first. The export itself is on record before."""
    if as_json and output is None:
        raise click.UsageError("--json tells about a file: give --output too.")
    query = _loaded({"format": form} | {name: text for name, text in asked.items() if text is not None})
    with session() as opened:
        rows = _export(opened, query, output)
    if output is not None:
        said: Document = {"rows": rows, "format": form, "file": str(output)}
        click.echo(json_text(said) if as_json else f"{rows} entries in {output}")


def _loaded(asked: dict[str, str]) -> Query:
    try:
        query: Query = ExportQuery().load(asked)
    except ValidationError as error:
        faults = (f"--{name.replace('_', '-')}: {' '.join(texts)}" for name, texts in error.messages_dict.items())
        raise click.UsageError("\n".join(faults)) from None
    return query


def _export(opened: Session, query: Query, output: Path | None) -> int:
    access = access_by_operator(opened.instant(), "audit.export")
    with opened.database.write.begin() as connection:
        policies = Policies(policy_documents(connection))
        search = _search(connection, query, policies, References(opened.keyring))
        about = search.asks_about if search else ()
        record(connection, access, outcome=Outcome.RELEASED, status=HTTPStatus.OK, members=about)
    tally = Tally()
    entries = tally.counted(entries_until(opened.database.write, search, policies, at=access.at))

    def on_broken(_error: str) -> None:
        with suppress(SQLAlchemyError):
            note_broken(opened.database, access)

    try:
        with closing(written(entries, lines_of_export(query["form"]), on_broken)) as pieces, _opened(output) as file:
            file.writelines(pieces)
    except BrokenStreamError:
        raise click.ClickException("The export broke off: what there is of it is not whole.") from None
    return tally.rows


@dataclass
class Tally:
    """Counts the rows that pass."""

    rows: int = 0

    def counted(self, chunks: Chunks) -> Chunks:
        """The same chunks."""
        for chunk in chunks:
            self.rows += len(chunk)
            yield chunk


def _search(connection: Connection, query: Query, policies: Policies, references: References) -> Search | None:
    try:
        return search_of(connection, query, policies, references)
    except UnknownFieldError:
        raise click.UsageError("--field: no policy has a field of this name.") from None
    except QueryError as error:
        faults = (f"--{mistake.parameter}: {mistake.text}" for mistake in error.mistakes)
        raise click.UsageError("\n".join(faults)) from None


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file."""
    if output is None:
        check_output()
        with click.open_file("-", "wb") as stdout:
            yield stdout
            stdout.flush()
        return
    with output_file(output) as file:
        yield file
