"""The sealed log read from its beginning to its end, block by block, as of one moment and in bounded memory."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle
from typing import Self

from sqlalchemy import BigInteger, Connection, Engine, bindparam, func, select, text

from partners.access_log.merkle import Hash
from partners.access_log.promises import Promise
from partners.access_log.records import NETWORK_SURELY_KEPT, Entry, microseconds_of, unsound
from partners.access_log.stored import firsts, rows_between
from partners.access_log.tree import TILE_HEIGHT
from partners.tables.sealing import log_checkpoint, sealed_node

BLOCK = 8_192
"""Indexes in a block; a multiple of a tile."""
_PROMISES_AT_ONCE = 1_000
_SETTINGS = ("plan_cache_mode = force_custom_plan", "enable_nestloop = off", "jit = off", "work_mem = '64MB'")
"""A block is joined as a whole; without fresh statistics the planner would take it for a row or two."""


@dataclass(frozen=True)
class Block:
    """A part of the log."""

    places: Sequence[int]
    """The indexes of its entries, in order; what is missing was removed."""
    hashes: Sequence[Hash]
    instants: Sequence[bytes]
    ids: Sequence[bytes]
    """Of each, as `Entry` has it."""
    unsound: Sequence[tuple[int, Entry]]
    """All there is of those against which something might be said, each behind its number in this block."""
    nodes: dict[tuple[int, int], Hash]
    """By level and number: those that the indexes since the last block complete."""


@contextmanager
def at_one_moment(engine: Engine, count: int) -> Iterator[list[Connection]]:
    """Open so many connections, in repeatable read transactions that see the same."""
    repeatable = engine.execution_options(isolation_level="REPEATABLE READ")
    with ExitStack() as stack:
        first, *others = (stack.enter_context(repeatable.connect()) for _ in range(count))
        snapshot = first.execute(select(func.pg_export_snapshot())).scalar_one()
        for each in others:
            # The statement takes no parameters, and PostgreSQL's own names of snapshots need no escape.
            each.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        yield [first, *others]


class Reading:
    """Reads through connections in repeatable read transactions of one moment, which nobody else uses meanwhile."""

    def __init__(self, connections: Sequence[Connection], now: datetime) -> None:
        """Begin at the beginning."""
        for connection in connections:
            for setting in _SETTINGS:
                connection.execute(text(f"SET LOCAL {setting}"))
        self._network_may_be_gone_before = microseconds_of(now - NETWORK_SURELY_KEPT)
        self._firsts = firsts(connections[0], BLOCK)
        self._stack = ExitStack()
        # A thread for each connection, which is never two threads' at once.
        self._readers = [(each, self._stack.enter_context(ThreadPoolExecutor(1))) for each in connections]
        self._promises = deque[Promise]()
        self._more = self._after(0)

    def __enter__(self) -> Self:
        """Nothing more."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for what is being read."""
        self._stack.close()

    def blocks(self) -> Iterator[Block]:
        """Every block; the next are read while one is looked at."""
        coming, done, last = deque[Future[Block]](), 0, len(self._firsts) - 1
        for number, (connection, ahead) in zip(range(last + 1), cycle(self._readers), strict=False):
            first = self._firsts[number] // BLOCK * BLOCK
            coming.append(ahead.submit(self._block, connection, first, done, is_last=number == last))
            done = first + BLOCK
            if len(coming) > len(self._readers):
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()

    def promise(self) -> Promise | None:
        """The next checkpoint, in the order of their numbers; it stays the next until it is `taken`."""
        if not self._promises:
            self._promises.extend(self._more.result())
            if self._promises:
                self._more = self._after(self._promises[-1].number)
        return self._promises[0] if self._promises else None

    def taken(self) -> None:
        """Go on to the checkpoint after it."""
        self._promises.popleft()

    def _block(self, connection: Connection, first: int, done: int, *, is_last: bool) -> Block:
        rows = rows_between(connection, first, first + BLOCK)
        places, hashes, instants, ids, *_ = zip(*rows, strict=True)
        found = [(number, Entry._make(rows[number])) for number in unsound(rows, self._network_may_be_gone_before)]
        end = places[-1] + 1 if is_last else first + BLOCK
        return Block(places, hashes, instants, ids, found, _nodes(connection, done, end))

    def _after(self, number: int) -> Future[list[Promise]]:
        connection, ahead = self._readers[0]
        return ahead.submit(_promises, connection, number)


def _nodes(connection: Connection, first: int, end: int) -> dict[tuple[int, int], Hash]:
    found, level = {}, 1
    while end >> (level * TILE_HEIGHT):
        bounds = {"level": level, "first": first >> level * TILE_HEIGHT, "end": end >> level * TILE_HEIGHT}
        for number, node in connection.execute(_NODES, bounds):
            found[level, number] = node
        level += 1
    return found


def _promises(connection: Connection, number: int) -> list[Promise]:
    return [Promise(*row) for row in connection.execute(_PROMISES, {"number": number})]


_NODES = select(sealed_node.c.number, sealed_node.c.hash).where(
    sealed_node.c.level == bindparam("level", type_=BigInteger),
    sealed_node.c.number >= bindparam("first", type_=BigInteger),
    sealed_node.c.number < bindparam("end", type_=BigInteger),
)
_PROMISES = (
    select(log_checkpoint.c.number, log_checkpoint.c.size, log_checkpoint.c.note, log_checkpoint.c.horizon)
    .where(log_checkpoint.c.number > bindparam("number", type_=BigInteger))
    .order_by(log_checkpoint.c.number)
    .limit(_PROMISES_AT_ONCE)
)
