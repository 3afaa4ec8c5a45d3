"""`gateway retention`: what has outlived its time goes."""

from dataclasses import asdict
from pathlib import Path

import click
from sqlalchemy import Engine

from gateway.cli.lazy import Group
from gateway.cli.operator import note
from gateway.cli.output import Document, printed
from gateway.cli.retention_pruning import prune
from gateway.cli.session import Session, session
from partners.access_log.letting_go import PruningError
from partners.access_log.notes import NoteError
from partners.access_log.sequencer import RefusedError
from partners.postgres import database
from partners.postgres.partitions import make_partitions
from partners.registry.acts import Act
from partners.rights import inactivity
from partners.rights.journal import Journal
from partners.rights.retention import Swept, forget_after_ten_years, forget_networks, forget_outside_disclosures, sweep
from partners.spool.keeping import forget


@click.group("retention", cls=Group)
def command() -> None:
    """Keep no data longer than the policy says."""


@command.command()
@click.option(
    "--export",
    type=click.Path(file_okay=False, path_type=Path),
    help="A directory for the exact bytes of the access log's records, before a month of them is dropped.",
)
@printed
def run(export: Path | None) -> Document:
    """Delete what has lapsed, report what was skipped, and make the log's coming partitions. Run it daily.

    It tells how many members have been inactive for more than a year, too: `candidates` names them.

    Months of the access log go 25 months after their end, under a sealed record that says which entries went.
    """
    with session() as opened:
        # Nothing goes under another secret than the database's: this refuses it.
        journal = opened.journal
        swept = sweep(opened.database.write, now=opened.settings.now(), real_now=opened.instant())
        owner = database.owner(opened.url)
        try:
            removed = asdict(swept + _as_owner(opened, owner)) | _prune(opened, owner, export)
            return removed | _shorten_journal(opened, journal) | _empty_spool(opened) | _count_inactive(opened)
        finally:
            owner.dispose()


@command.command("candidates")
@printed
def list_candidates() -> Document:
    """List who has not been active for more than a year; the look is on record.

    Nobody is erased by this: the platform confirms with a request for erasure of each.
    """
    with session() as opened, opened.database.write.begin() as connection:
        found = [asdict(each) for each in inactivity.candidates(connection, now=opened.settings.now())]
        note(opened, connection, Act("retention.candidates", detail={"members": len(found)}))
    return found


def _as_owner(opened: Session, owner: Engine) -> Swept:
    """Do what only the owner of the tables may: partitions, old network data and disclosures, what is ten years old."""
    with owner.begin() as connection:
        make_partitions(connection, now=opened.instant())
    forgotten = forget_after_ten_years(owner, now=opened.settings.now())
    outside = forget_outside_disclosures(owner, real_now=opened.instant())
    return forgotten + outside + forget_networks(owner, real_now=opened.instant())


def _count_inactive(opened: Session) -> dict[str, object]:
    with opened.database.write.connect() as connection:
        return {"inactive_members": inactivity.count(connection, now=opened.settings.now())}


def _shorten_journal(opened: Session, journal: Journal) -> dict[str, object]:
    with opened.database.write.begin() as connection:
        return {"journal_entries": journal.forget(connection, now=opened.instant())}


def _empty_spool(opened: Session) -> dict[str, object]:
    """Remove the files of months that the database has let go, at the end of a run in which all of them went."""
    directory = opened.settings.spool_dir
    try:
        return {"spool_files": 0 if directory is None else forget(directory, now=opened.instant())}
    except OSError as error:
        raise click.ClickException(f"Outlived files of the spool stay: {error.strerror}.") from None


def _prune(opened: Session, owner: Engine, export: Path | None) -> dict[str, object]:
    try:
        pruned = list(prune(opened, owner, export=export))
    except (PruningError, NoteError, RefusedError, OSError) as error:
        raise click.ClickException(f"The access log's outlived records stay: {error}.") from None
    return {
        "pruned": [each.month for each in pruned],
        "pruned_entries": sum(each.entries for each in pruned),
        "exported": [each.file for each in pruned if each.file],
    }
