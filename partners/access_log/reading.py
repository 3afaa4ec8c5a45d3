"""The sealed log read from its beginning to its end, block by block, as of one moment and in bounded memory."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, bindparam, select, text

from partners.access_log.merkle import Hash
from partners.access_log.promises import Promise
from partners.access_log.records import Entry, entries_from
from partners.access_log.tree import TILE_HEIGHT
from partners.tables.sealing import log_checkpoint, sealed_node

BLOCK = 8_192
"""Entries in a block."""
_PROMISES_AT_ONCE = 1_000
_SETTINGS = ("plan_cache_mode = force_custom_plan", "enable_nestloop = off", "jit = off", "work_mem = '64MB'")
"""A block is joined as a whole; without fresh statistics the planner would take it for a row or two."""


@dataclass(frozen=True)
class Block:
    """A part of the log."""

    entries: Sequence[Entry]
    """In order; what is missing was removed."""
    nodes: dict[tuple[int, int], Hash]
    """By level and number: those that the entries of this block complete."""
    promises: list[Promise]
    """Checkpoints no larger than the log at this block's end, in the order of their numbers."""


class Reading:
    """Reads blocks through a connection in a repeatable read transaction that it alone uses."""

    def __init__(self, connection: Connection) -> None:
        """Begin at the beginning."""
        self._connection = connection
        self._number = 0
        self._promises: deque[Promise] = deque()
        for setting in _SETTINGS:
            connection.execute(text(f"SET LOCAL {setting}"))

    def blocks(self) -> Iterator[Block]:
        """Every block; the next is read while the last is looked at."""
        with ThreadPoolExecutor(1) as ahead:
            block = self._block(0)
            while block.entries:
                coming = ahead.submit(self._block, block.entries[-1].place + 1)
                yield block
                block = coming.result()

    def rest(self) -> Iterator[Promise]:
        """After the blocks: checkpoints that are larger than the log."""
        while self._next() is not None:
            yield self._promises.popleft()

    def _block(self, first: int) -> Block:
        entries = entries_from(self._connection, first, BLOCK)
        if not entries:
            return Block([], {}, [])
        end = entries[-1].place + 1
        return Block(entries, self._nodes(first, end), list(self._promises_up_to(end)))

    def _nodes(self, first: int, end: int) -> dict[tuple[int, int], Hash]:
        found, level = {}, 1
        while end >> (level * TILE_HEIGHT):
            bounds = {"level": level, "first": first >> level * TILE_HEIGHT, "end": end >> level * TILE_HEIGHT}
            for number, node in self._connection.execute(_NODES, bounds):
                found[level, number] = node
            level += 1
        return found

    def _promises_up_to(self, size: int) -> Iterator[Promise]:
        while (promise := self._next()) is not None and promise.size <= size:
            yield self._promises.popleft()

    def _next(self) -> Promise | None:
        if not self._promises:
            rows = self._connection.execute(_PROMISES, {"number": self._number}).all()
            self._promises.extend(Promise(*row) for row in rows)
            self._number = self._promises[-1].number if rows else self._number
        return self._promises[0] if self._promises else None


_FIRST, _END = bindparam("first", type_=BigInteger), bindparam("end", type_=BigInteger)
_NODES = select(sealed_node.c.number, sealed_node.c.hash).where(
    sealed_node.c.level == bindparam("level", type_=BigInteger),
    sealed_node.c.number >= _FIRST,
    sealed_node.c.number < _END,
)
_PROMISES = (
    select(log_checkpoint.c.number, log_checkpoint.c.size, log_checkpoint.c.note, log_checkpoint.c.horizon)
    .where(log_checkpoint.c.number > bindparam("number", type_=BigInteger))
    .order_by(log_checkpoint.c.number)
    .limit(_PROMISES_AT_ONCE)
)
