"""Letting go of a month of records: it is looked through, declared, sealed, and only then dropped."""

from collections.abc import Iterator
from datetime import date, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Date, DateTime, Engine, Select, bindparam, func, insert, select, text

from partners.access_log import stored_checkpoints
from partners.access_log.append import Access, record
from partners.access_log.notes import Signer
from partners.access_log.pruning import Pruning, has_outlived, note_in, read_pruning
from partners.months import beginning_of, next_month
from partners.postgres.partitions import PARTITIONED, months_of, partition_of
from partners.tables.access import access_log
from partners.tables.pruning import log_pruning
from partners.tables.sealing import sealed_leaf
from partners.vocabulary import Outcome

_AT_ONCE = 10_000


class PruningError(Exception):
    """A month cannot be let go; the message says why."""


def months_due(connection: Connection, now: datetime) -> list[date]:
    """The months that have a table of the log, and have outlived their time by both clocks; the oldest first."""
    now = min(now, connection.execute(select(func.now())).scalar_one())
    return sorted(month for month in months_of(connection, access_log) if has_outlived(month, now))


def survey(connection: Connection, month: date) -> Pruning | None:
    """Look through a month's records; None where there are none. Raise `PruningError` where one is not sealed."""
    digest, first, last, entries = sha256(), 0, -1, 0
    with connection.execute(_SEALED, _bounds_of(month), execution_options={"yield_per": _AT_ONCE}) as rows:
        for row in rows:
            if row.place is None:
                raise PruningError(f"{month:%Y-%m} has records that are not sealed")
            first, last, entries = first if entries else row.place, row.place, entries + 1
            digest.update(row.hash)
    return Pruning(month, first, last, entries, digest.digest()) if entries else None


def holds_records(connection: Connection, month: date) -> bool:
    """Whether a month's table has records, whether or not the log still has the table."""
    there = f"SELECT EXISTS (SELECT FROM {partition_of(access_log, month)})"  # noqa: S608 - a month
    return bool(connection.scalar(text(there)))


def declared(connection: Connection, month: date) -> Pruning | None:
    """What is on record of a month already; raise `NoteError`."""
    leaf = connection.execute(_DECLARED, {"month": month}).scalar()
    return None if leaf is None else read_pruning(note_in(leaf)[0])[1]


def declare(connection: Connection, pruning: Pruning, signer: Signer, access: Access) -> None:
    """Put on record that a month is let go: signed, because whoever owns the database must not be able to say so."""
    note = signer.sign(pruning.text(signer.verifier.name))
    identifier = record(connection, access, outcome=Outcome.RELEASED, status=200, details={"note": note})
    leaf = select(access_log.c.leaf).where(access_log.c.at == access.at, access_log.c.id == identifier)
    kept = {"month": pruning.month, "access": identifier, "leaf": connection.execute(leaf).scalar_one()}
    connection.execute(insert(log_pruning), kept)


def is_covered(connection: Connection, month: date) -> bool:
    """Whether a checkpoint covers the record that lets a month go."""
    index = connection.execute(_DECLARED_AT, {"month": month}).scalar()
    newest = stored_checkpoints.newest(connection)
    return index is not None and newest is not None and index < newest.size


def leaves_of(connection: Connection, month: date) -> Iterator[tuple[int, bytes]]:
    """Index and exact bytes of a month's records, in the log's order."""
    with connection.execute(_LEAVES, _bounds_of(month), execution_options={"yield_per": _AT_ONCE}) as rows:
        yield from ((row.place, row.leaf) for row in rows)


def drop(owner: Engine, month: date) -> None:
    """Drop a month's tables; nobody waits, for the log loses them first without a lock on it."""
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in PARTITIONED:
            name = partition_of(table, month)
            pending = connection.execute(_ATTACHED, {"name": name}).scalar()
            if pending is not None:
                how = "FINALIZE" if pending else "CONCURRENTLY"
                connection.execute(text(f"ALTER TABLE {table.name} DETACH PARTITION {name} {how}"))
            connection.execute(text(f"DROP TABLE IF EXISTS {name}"))


def _bounds_of(month: date) -> dict[str, datetime]:
    return {"since": beginning_of(month), "until": beginning_of(next_month(month))}


def _of_month(*columns: Any) -> Select[Any]:
    since, until = (bindparam(name, type_=DateTime(timezone=True)) for name in ("since", "until"))
    return (
        select(*columns)
        .select_from(access_log.outerjoin(sealed_leaf, sealed_leaf.c.access == access_log.c.id))
        .where(access_log.c.at >= since, access_log.c.at < until)
        .order_by(sealed_leaf.c.index.nulls_first())
    )


_MONTH = bindparam("month", type_=Date)
_SEALED = _of_month(sealed_leaf.c.index.label("place"), sealed_leaf.c.hash)
_LEAVES = _of_month(sealed_leaf.c.index.label("place"), access_log.c.leaf)
_DECLARED = select(log_pruning.c.leaf).where(log_pruning.c.month == _MONTH)
_DECLARED_AT = (
    select(sealed_leaf.c.index)
    .join(log_pruning, log_pruning.c.access == sealed_leaf.c.access)
    .where(log_pruning.c.month == _MONTH)
)
_ATTACHED = text("SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = to_regclass(:name)")
