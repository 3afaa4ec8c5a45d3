"""Letting go of the access log's outlived months, each only once the log has promised to say so."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import orjson
from sqlalchemy import Connection, Engine

from gateway.background import sealing
from gateway.cli.operator import access_by_operator
from gateway.cli.session import Session
from partners.access_log import letting_go
from partners.access_log.keys import DerivedKeys
from partners.access_log.letting_go import PruningError
from partners.access_log.pruning import OPERATION, Pruning
from partners.files import replacing


@dataclass(frozen=True)
class Pruned:
    """A month that is gone."""

    month: str
    entries: int
    file: str | None
    """Where its records' exact bytes are, if they were exported."""


def prune(opened: Session, owner: Engine, *, export: Path | None) -> Iterator[Pruned]:
    """Let go of every month that has outlived its time; nothing is dropped before that is sealed.

    Raise `PruningError`, `NoteError`, `OSError` or `RefusedError`; what is left is taken up the next time.
    """
    with owner.connect() as connection:
        due = letting_go.months_due(connection, opened.instant())
    for month in due:
        with owner.begin() as connection:
            pruning = letting_go.declared(connection, month) or _declare(connection, opened, month)
        if pruning is not None:
            _wait_until_covered(opened, owner, month)
        with owner.begin() as connection:
            file = _last_look(connection, month, pruning, export)
        letting_go.drop(owner, month)
        yield Pruned(f"{month:%Y-%m}", pruning.entries if pruning else 0, file)


def _declare(connection: Connection, opened: Session, month: date) -> Pruning | None:
    pruning = letting_go.survey(connection, month)
    if pruning is not None:
        signer = DerivedKeys(opened.keyring, opened.settings.log_origin).signing(connection).signers[0]
        letting_go.declare(connection, pruning, signer, access_by_operator(opened.instant(), OPERATION))
    return pruning


def _wait_until_covered(opened: Session, owner: Engine, month: date) -> None:
    """Seal, or wait for the process that does."""

    def is_covered() -> bool:
        with owner.begin() as connection:
            return letting_go.is_covered(connection, month)

    work = sealing.sealing_of(opened.settings, opened.keyring, opened.url)
    try:
        if not work.until(is_covered):
            raise PruningError(f"{month:%Y-%m} is not let go, because nothing seals the log")
    finally:
        work.engine.dispose()


def _last_look(connection: Connection, month: date, pruning: Pruning | None, export: Path | None) -> str | None:
    """Refuse where the month's records are not, or no longer, those that are to go; gone already they may be."""
    there = letting_go.survey(connection, month)
    if pruning is None and letting_go.holds_records(connection, month):
        raise PruningError(f"{month:%Y-%m} was detached by hand, and nothing says that its records may go")
    if there not in {None, pruning}:
        raise PruningError(f"{month:%Y-%m} has other records than those that were to be let go")
    return str(_export(connection, month, export)) if there and export else None


def _export(connection: Connection, month: date, directory: Path) -> Path:
    """Write each record's index and exact bytes as a line of JSON, into a file that its owner alone may read."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"access-log-{month:%Y-%m}.ndjson"
    with replacing(path) as file:
        for index, leaf in letting_go.leaves_of(connection, month):
            file.write(orjson.dumps({"index": index, "leaf": leaf.decode()}) + b"\n")
    return path
