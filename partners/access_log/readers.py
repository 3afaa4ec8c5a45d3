"""Processes that read blocks of the log, all as of one moment: what one has to hash, no other has to wait for."""

import gc
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from typing import cast

from sqlalchemy import Engine

from partners.access_log.blocks import Block, block_between, read_by_blocks
from partners.access_log.stored import UnreadableError

_AHEAD = 4
"""Blocks that a process may be ahead of what is asked for: more would only fill the memory."""
_FORK = get_context("fork")
"""A process begins with all that is imported, and with the keys to the database: no secret is handed over."""


@dataclass(frozen=True)
class Task:
    """What is to be read."""

    engine: Engine
    snapshot: str
    """The exported one that every process sees."""
    bounds: Sequence[tuple[int, int]]
    """Of each block."""
    network_may_be_gone_before: int


@contextmanager
def beside(task: Task, count: int) -> Iterator[Iterator[Block]]:
    """Read blocks, in order, by so many processes; they end with the context, whatever they are at.

    Must not begin beside other threads of this process. The blocks raise `UnreadableError` where one cannot be read.
    """
    with ExitStack() as stack:
        pipes = list[Pipe]()
        for number in range(count):
            own, other = _FORK.Pipe(duplex=False)
            stack.callback(own.close)
            part = replace(task, bounds=task.bounds[number::count])
            process = _FORK.Process(target=_read, args=(part, other, [*pipes, own]), daemon=True)
            process.start()
            stack.callback(process.join)
            stack.callback(process.terminate)
            other.close()
            pipes.append(own)
        yield _in_turn(pipes, len(task.bounds))


def _in_turn(pipes: Sequence[Pipe], blocks: int) -> Iterator[Block]:
    """What comes through the pipes, from one after the other; meanwhile none of the others is kept from going on."""
    come, ended = {pipe: deque[Block]() for pipe in pipes}, set[Pipe]()
    for number in range(blocks):
        wanted = pipes[number % len(pipes)]
        while not come[wanted]:
            if wanted in ended:
                raise UnreadableError("a process that read the log has ended")
            for pipe in wait([pipe for pipe in pipes if pipe not in ended and len(come[pipe]) < _AHEAD]):
                try:
                    block = cast("Pipe", pipe).recv()
                except EOFError:
                    ended.add(cast("Pipe", pipe))
                    continue
                if isinstance(block, UnreadableError):
                    raise block
                come[cast("Pipe", pipe)].append(block)
        yield come[wanted].popleft()


def _read(task: Task, pipe: Pipe, others: Sequence[Pipe]) -> None:
    """Be such a process."""
    # Whoever is at the terminal ends the verification, and that ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for each in others:
        each.close()
    # Nothing here makes cycles, and what was there before belongs to the process that goes on with it.
    gc.disable()
    task.engine.dispose(close=False)
    with suppress(BrokenPipeError):
        try:
            _send(task, pipe)
        except UnreadableError as error:
            pipe.send(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits for the block must know
            pipe.send(UnreadableError(f"the log cannot be read: {type(error).__name__}"))


def _send(task: Task, pipe: Pipe) -> None:
    with task.engine.execution_options(isolation_level="REPEATABLE READ").connect() as connection:
        # The statement takes no parameters, and PostgreSQL's own names of snapshots need no escape.
        connection.exec_driver_sql(f"SET TRANSACTION SNAPSHOT '{task.snapshot}'")
        read_by_blocks(connection)
        for first, end in task.bounds:
            pipe.send(block_between(connection, first, end, task.network_may_be_gone_before))
