"""`gateway audit seal|checkpoint`: making checkpoints, and keeping them elsewhere."""

from http import HTTPStatus
from pathlib import Path

import click
from sqlalchemy import Connection

from gateway.background import sealing
from gateway.cli.operator import access_by_operator
from gateway.cli.output import json_text
from gateway.cli.session import Session, session, told_to_stop
from partners.access_log import stored_checkpoints, watching
from partners.access_log.append import record
from partners.access_log.keys import DerivedKeys
from partners.access_log.notes import NoteError
from partners.access_log.sequencer import RefusedError
from partners.access_log.trust import Trust
from partners.access_log.watching import ContradictionError
from partners.vocabulary import Outcome


@click.command()
@click.option("--once", is_flag=True, help="Seal what is there now, and end.")
@click.option("--json", "as_json", is_flag=True, help="With --once: say how much is sealed as one JSON document.")
def seal(*, once: bool, as_json: bool) -> None:
    """Seal the access log until SIGTERM or SIGINT; where another process seals it already, stand by."""
    if as_json and not once:
        raise click.UsageError("--json tells how much is sealed in the end: give --once too.")
    with session() as opened:
        work = sealing.sealing_of(opened.settings, opened.keyring, opened.url)
        try:
            _seal_once(work, as_json=as_json) if once else work.run(told_to_stop())
        finally:
            work.engine.dispose()


def _seal_once(work: sealing.Sealing, *, as_json: bool) -> None:
    try:
        size = work.once()
    except RefusedError as error:
        raise click.ClickException(f"Nothing is signed: {error}.") from None
    text = f"{size} entries are sealed." if size is not None else "Another process seals the log."
    click.echo(json_text({"size": size}) if as_json else text)


@click.command()
@click.option(
    "-o",
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A witness file to append it to, if it goes on from what is there.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def checkpoint(out: Path | None, *, as_json: bool) -> None:
    """Print the newest checkpoint, or keep it in a file for `gateway audit verify --against`."""
    with session() as opened:
        note, is_news = _newest(opened, out)
    size = int(note.split("\n")[1])
    if as_json:
        click.echo(json_text({"size": size, "note": note, "file": str(out) if out else None, "added": is_news}))
    elif out is None:
        click.echo(note, nl=False)
    else:
        click.echo(f"{out} has seen {size} entries." if is_news else f"{out} had seen {size} entries before.")


def _newest(opened: Session, out: Path | None) -> tuple[str, bool]:
    _note_look(opened)
    with opened.database.write.connect() as connection:
        newest = stored_checkpoints.newest(connection)
        if newest is None:
            raise click.ClickException("Nothing was sealed yet.")
        try:
            return newest.note, out is not None and watching.add(out, newest.note, _own(opened, connection), connection)
        except (ContradictionError, NoteError, OSError) as error:
            raise click.ClickException(f"{error}.") from None


def _own(opened: Session, connection: Connection) -> Trust:
    return DerivedKeys(opened.keyring, opened.settings.log_origin).trust(connection)


def _note_look(opened: Session) -> None:
    with opened.database.write.begin() as connection:
        access = access_by_operator(opened.instant(), "audit.checkpoint")
        record(connection, access, outcome=Outcome.RELEASED, status=HTTPStatus.OK)
