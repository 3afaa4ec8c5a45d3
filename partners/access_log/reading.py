"""The sealed log read from its beginning to its end, block by block, as of one moment and in bounded memory."""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Self

from sqlalchemy import BigInteger, Connection, Engine, bindparam, func, or_, select

from partners.access_log.blocks import Block, block_between, read_by_blocks
from partners.access_log.merkle import Hash
from partners.access_log.readers import Task, beside
from partners.access_log.records import NETWORK_SURELY_KEPT, microseconds_of
from partners.access_log.stored import firsts
from partners.access_log.stored_checkpoints import StoredCheckpoint
from partners.access_log.tree import TILE_HEIGHT
from partners.postgres.literals import number_literal
from partners.tables.sealing import log_checkpoint, sealed_node

BLOCK = 16_384
"""Indexes in a block; a multiple of a tile."""
LARGE = 4
"""Blocks, from which on it is worth the while to begin processes that read them."""
_MOST_PROCESSES = 8
_CHECKPOINTS_AT_ONCE = 1_000
_HIGHEST_LEVEL = 7
"""Of nodes; a larger tree has more entries than there are indexes."""


class Reading:
    """Reads through a connection in a repeatable read transaction, which nobody else uses meanwhile."""

    def __init__(self, connection: Connection, now: datetime, engine: Engine | None = None) -> None:
        """Begin at the beginning; a large log is read by processes of their own, if an `engine` is there for them."""
        read_by_blocks(connection)
        self._connection, self._engine = connection, engine
        self._network_may_be_gone_before = microseconds_of(now - NETWORK_SURELY_KEPT)
        self._bounds = [(first // BLOCK * BLOCK, first // BLOCK * BLOCK + BLOCK) for first in firsts(connection, BLOCK)]
        self._stack = ExitStack()
        self._checkpoints = deque[StoredCheckpoint]()
        self._after = 0

    def __enter__(self) -> Self:
        """Nothing more."""
        return self

    def __exit__(self, *_: object) -> None:
        """End what is being read."""
        self._stack.close()

    def blocks(self) -> Iterator[tuple[Block, dict[tuple[int, int], Hash]]]:
        """Every block, and the stored nodes, by level and number, that its indexes and any before it complete.

        Raise `UnreadableError`.
        """
        done = 0
        for (_, end), block in zip(self._bounds, self._read(), strict=True):
            whole = block.places[-1] + 1 if end == self._bounds[-1][1] else end
            yield block, _nodes(self._connection, done, whole)
            done = whole

    def nodes_beyond(self, size: int) -> dict[tuple[int, int], Hash]:
        """The stored nodes, by level and number, that no tree of so many entries has: it could not grow over them."""
        return {
            (level, number): node for level, number, node in self._connection.execute(_NODES_BEYOND, {"size": size})
        }

    def checkpoint(self) -> StoredCheckpoint | None:
        """The next checkpoint, in the order of their numbers; it stays the next until it is `taken`."""
        if not self._checkpoints:
            self._checkpoints.extend(_checkpoints(self._connection, self._after))
            self._after = self._checkpoints[-1].number if self._checkpoints else self._after
        return self._checkpoints[0] if self._checkpoints else None

    def taken(self) -> None:
        """Go on to the checkpoint after it."""
        self._checkpoints.popleft()

    def _read(self) -> Iterator[Block]:
        count = min(len(os.sched_getaffinity(0)), _MOST_PROCESSES)
        if self._engine is None or len(self._bounds) < LARGE:
            return (
                block_between(self._connection, *bounds, self._network_may_be_gone_before) for bounds in self._bounds
            )
        snapshot = self._connection.execute(select(func.pg_export_snapshot())).scalar_one()
        task = Task(self._engine, snapshot, self._bounds, self._network_may_be_gone_before)
        return self._stack.enter_context(beside(task, count))


def _nodes(connection: Connection, first: int, end: int) -> dict[tuple[int, int], Hash]:
    found, level = {}, 1
    while end >> (level * TILE_HEIGHT):
        bounds = {"level": level, "first": first >> level * TILE_HEIGHT, "end": end >> level * TILE_HEIGHT}
        for number, node in connection.execute(_NODES, bounds):
            found[level, number] = node
        level += 1
    return found


def _checkpoints(connection: Connection, number: int) -> list[StoredCheckpoint]:
    return [StoredCheckpoint(*row) for row in connection.execute(_CHECKPOINTS, {"number": number})]


_NODES = select(sealed_node.c.number, sealed_node.c.hash).where(
    sealed_node.c.level == bindparam("level", type_=BigInteger),
    sealed_node.c.number >= bindparam("first", type_=BigInteger),
    sealed_node.c.number < bindparam("end", type_=BigInteger),
)
_HEIGHT = sealed_node.c.level * number_literal(TILE_HEIGHT)
_NODES_BEYOND = select(sealed_node).where(
    or_(
        sealed_node.c.level < number_literal(1),
        sealed_node.c.level > number_literal(_HIGHEST_LEVEL),
        sealed_node.c.number < number_literal(0),
        sealed_node.c.number >= bindparam("size", type_=BigInteger).bitwise_rshift(_HEIGHT),
    )
)
_CHECKPOINT = log_checkpoint.c["number", "size", "note", "horizon"]
_CHECKPOINTS = (
    select(*_CHECKPOINT)
    .where(log_checkpoint.c.number > bindparam("number", type_=BigInteger))
    # One that lacks any of these is missing.
    .where(*(column.is_not(None) for column in _CHECKPOINT))
    .order_by(log_checkpoint.c.number)
    .limit(_CHECKPOINTS_AT_ONCE)
)
