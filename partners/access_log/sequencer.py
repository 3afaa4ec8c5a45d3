"""The sequencer: seals what has been committed into the tree, in an order in which nothing is ever missed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Row,
    Select,
    Uuid,
    bindparam,
    func,
    or_,
    select,
    tuple_,
)

from partners.access_log import stored_checkpoints
from partners.access_log.checkpoints import Checkpoint, read_checkpoint
from partners.access_log.keys import SigningKeys
from partners.access_log.merkle import Frontier, frontier_of, leaf_hash
from partners.access_log.notes import NoteError, Signers, Verifier, opened, signed_by
from partners.access_log.stored_checkpoints import NONE, Anchor, StoredCheckpoint
from partners.access_log.tree import TILE_WIDTH, BrokenTreeError, Leaf, StoredTree, append
from partners.access_log.unsealed import BEYOND_CALENDAR
from partners.tables.access import TransactionId, access_log
from partners.tables.sealing import sealed_leaf

BATCH = 5_000
"""Records that are sealed at once; those of one transaction always are, however many."""


class RefusedError(Exception):
    """Signing would contradict what was signed before; the message says what does not fit."""


@dataclass(frozen=True)
class Sealed:
    """What a round did."""

    entries: int
    size: int
    """Of the tree, after it."""

    @property
    def is_full(self) -> bool:
        """Whether there may be more to seal at once."""
        return self.entries >= BATCH


@dataclass(frozen=True)
class _Batch:
    leaves: list[Leaf]
    unfinished: Row[Any] | None
    """The last of these records, if there may be more of its transaction."""
    horizon: int
    """Every record of an earlier transaction is sealed once these are."""
    is_due: bool
    """Whether there is something to sign although there may be nothing to append."""


def seal(connection: Connection, keys: SigningKeys, anchor: Anchor) -> Sealed:
    """Seal a batch in one transaction of the sealing role, and sign the tree that it makes.

    Raise `RefusedError` if the stored tree is not what was signed before. Only one caller at a time. A note is shown
    to nobody before the transaction that keeps it is durable: what is rolled back was never promised.
    """
    note = None
    with connection.begin():
        tree, last = StoredTree(connection), stored_checkpoints.newest(connection) or NONE
        signers = keys.signing(connection)
        frontier = _signed_before(tree, last, signers)
        _compare(tree, frontier, anchor, signers.name)
        batch = _next_batch(connection, last, signers)
        before = frontier.size
        if batch.leaves or batch.is_due:
            append(connection, frontier, batch.leaves)
            for leaves in _rest_of_transaction(connection, batch.unfinished):
                append(connection, frontier, leaves)
            note = signers.sign(Checkpoint(signers.name, frontier.size, frontier.root()).text())
            stored_checkpoints.keep(connection, StoredCheckpoint(last.number + 1, frontier.size, note, batch.horizon))
    if note is not None:
        anchor.move(note)
    return Sealed(frontier.size - before, frontier.size)


def _signed_before(tree: StoredTree, last: StoredCheckpoint, own: Signers) -> Frontier:
    """The frontier of the stored tree, which must be the one that was signed last."""
    if last is NONE:
        return Frontier()
    try:
        signed = read_checkpoint(last.note)
        # The gateway's address may have changed, and with it the log's name; the keys have not.
        opened(last.note, [Verifier(signed.origin, each.verifier.public) for each in own.signers])
        frontier = frontier_of(signed.size, tree.subtree)
        whole, rest = divmod(signed.size, TILE_WIDTH)
        at_the_end = len(tree.tile(0, whole))
    except (NoteError, BrokenTreeError) as error:
        raise RefusedError(f"the newest checkpoint does not hold: {error}") from error
    if (frontier.root(), signed.size) != (signed.root, last.size) or at_the_end != rest:
        raise RefusedError("the tree is not the one that was signed last")
    return frontier


def _compare(tree: StoredTree, frontier: Frontier, anchor: Anchor, origin: str) -> None:
    """Refuse where this machine remembers another tree: the database was set back, or exchanged."""
    try:
        known = anchor.last()
        if known is None or known.origin != origin:
            return
        if known.size > frontier.size:
            raise RefusedError(f"{known.size} entries were signed before, and {frontier.size} are there")
        root = frontier.root() if known.size == frontier.size else frontier_of(known.size, tree.subtree).root()
    except (NoteError, OSError, BrokenTreeError) as error:
        raise RefusedError(f"{anchor.path} cannot be compared: {error}") from error
    if root != known.root:
        raise RefusedError(f"the first {known.size} entries are not those that were signed before")


def _next_batch(connection: Connection, last: StoredCheckpoint, signers: Signers) -> _Batch:
    """The next records to seal.

    A record is ready once every transaction up to its own has ended: ids and instants are not in commit order.
    """
    snapshot = connection.execute(_SNAPSHOT).one()
    # A dump that was restored elsewhere brings numbers of transactions with it that are yet to come here.
    restored = last.horizon > snapshot.end
    bounds = {"since": last.horizon, "until": snapshot.first, "end": snapshot.end, "batch": BATCH}
    rows = connection.execute(_READY_AFTER_RESTORE if restored else _READY, bounds).all()
    if len(rows) == BATCH:
        horizon = last.horizon if restored else rows[-1].transaction + 1
        return _Batch(_leaves(rows), rows[-1], horizon, is_due=True)
    others_sign = signed_by(last.note) != {each.verifier.id for each in signers.signers}
    return _Batch(_leaves(rows), None, snapshot.first, is_due=restored or others_sign)


def _rest_of_transaction(connection: Connection, last: Row[Any] | None) -> Iterator[list[Leaf]]:
    """What else the transaction of a batch's last record appended: read once, and never looked through again."""
    if last is not None:
        bounds = {"transaction": last.transaction, "at": last.at, "id": last.id}
        with connection.execute(_REST, bounds, execution_options={"yield_per": BATCH}) as rest:
            yield from map(_leaves, rest.partitions())


def _leaves(rows: Iterable[Row[Any]]) -> list[Leaf]:
    return [Leaf(row.at, row.id, leaf_hash(row.leaf)) for row in rows]


def _bound(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=TransactionId)


def _unsealed(
    *conditions: ColumnElement[bool], first: Sequence[ColumnElement[Any]] = ()
) -> Select[tuple[int, datetime, UUID, bytes]]:
    # A subquery of its own for each record: the planner would rather hash every leaf there is.
    index = select(sealed_leaf.c.index).where(sealed_leaf.c.access == access_log.c.id).scalar_subquery()
    columns = (access_log.c.transaction, access_log.c.at, access_log.c.id)
    ready = (*conditions, ~BEYOND_CALENDAR, index.is_(None))
    return select(*columns, access_log.c.leaf).where(*ready).order_by(*first, *columns)


_SNAPSHOT = select(
    func.pg_snapshot_xmin(func.pg_current_snapshot(), type_=TransactionId()).label("first"),
    func.pg_snapshot_xmax(func.pg_current_snapshot(), type_=TransactionId()).label("end"),
)
"""The first transaction that is still running, and the first that has not begun."""
_BATCH = bindparam("batch", type_=BigInteger)
_READY = _unsealed(access_log.c.transaction >= _bound("since"), access_log.c.transaction < _bound("until")).limit(
    _BATCH
)
_BROUGHT_ALONG = access_log.c.transaction >= _bound("end")
_READY_AFTER_RESTORE = _unsealed(
    or_(access_log.c.transaction < _bound("until"), _BROUGHT_ALONG), first=[_BROUGHT_ALONG.desc()]
).limit(_BATCH)
_REST = _unsealed(
    access_log.c.transaction == _bound("transaction"),
    tuple_(access_log.c.at, access_log.c.id)
    > tuple_(bindparam("at", type_=DateTime(timezone=True)), bindparam("id", type_=Uuid)),
)
