"""The spool of one process: requests hand records over and wait, one thread writes for all of them at once."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from time import monotonic

from partners.spool.file import Files

HANGS_AFTER_S = 2.0
"""A write that takes longer hangs: whoever comes then is told at once, and not one by one after a wait."""


class SpoolPolicy(StrEnum):
    """Whether something is answered that the spool does not take; the database has it on record in any case."""

    ALL = "all"
    ANY = "any"


class SpoolError(Exception):
    """Records are not in the spool, as far as anybody knows in time; the message says why."""


class _Ticket:
    """What somebody waits for; a bare lock, because an `Event` takes longer than all the rest."""

    __slots__ = ("done", "error", "leaves")

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.leaves = leaves
        self.error: str | None = None
        self.done = Lock()
        self.done.acquire()


class Spool:
    """Keeps records in a directory; nothing is opened before the first one."""

    def __init__(self, directory: Path, key: bytes, on_lost: Callable[[str], None]) -> None:
        """Take the directory, and whom to tell the names of files that were deleted, replaced or changed."""
        self._files = partial(Files, directory, key, on_lost)
        self._waiting: SimpleQueue[_Ticket] = SimpleQueue()
        self._busy_since: float | None = None
        self._thread: Thread | None = None
        self._starting = Lock()

    def keep(self, leaves: Sequence[bytes], *, within_s: float) -> None:
        """Return once records are on the disk; raise `SpoolError` where they are not within some seconds.

        They may get there later all the same. Without any, only try whether the next would.
        """
        if self._thread is None or not self._thread.is_alive():
            self._start()
        busy_since, ticket = self._busy_since, _Ticket(leaves)
        if busy_since is not None and monotonic() - busy_since > HANGS_AFTER_S:
            raise SpoolError("the disk hangs")
        self._waiting.put(ticket)
        if not ticket.done.acquire(timeout=max(within_s, 0.0)):
            raise SpoolError("the disk did not answer in time")
        if ticket.error is not None:
            raise SpoolError(ticket.error)

    def _start(self) -> None:
        """Late, and again in a process that was forked: no thread outlives that, and file and queue are another's."""
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._waiting, self._busy_since = SimpleQueue(), None
                self._thread = Thread(target=self._run, args=[self._waiting], name="spool", daemon=True)
                self._thread.start()

    def _run(self, waiting: "SimpleQueue[_Ticket]") -> None:
        files = self._files()
        while True:
            batch = [waiting.get()]
            with suppress(Empty):
                while True:
                    batch.append(waiting.get_nowait())
            self._busy_since = monotonic()
            error = _written(files, batch)
            self._busy_since = None
            for ticket in batch:
                ticket.error = error
                ticket.done.release()


def _written(files: Files, batch: Sequence[_Ticket]) -> str | None:
    """Write what all of them brought, with one wait for the disk; say what was wrong."""
    try:
        files.append([leaf for ticket in batch for leaf in ticket.leaves])
    except OSError as error:
        return error.strerror or type(error).__name__
    except Exception as error:  # noqa: BLE001 - whatever it is, nobody must wait for a thread that has ended
        return type(error).__name__
    return None
