"""The spool of one process: requests hand records over and wait, one thread writes for all of them at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from threading import Condition, Event, Thread
from time import monotonic

from partners.spool.file import Files

HANGS_AFTER_S = 2.0
"""A write that takes longer hangs: whoever comes then is told at once, and not one by one after a wait."""


class Policy(StrEnum):
    """Whether something is answered that the spool does not take; the database has it on record in any case."""

    ALL = "all"
    ANY = "any"


class SpoolError(Exception):
    """Records are not in the spool, as far as anybody knows in time; the message says why."""


@dataclass
class _Ticket:
    leaves: Sequence[bytes]
    done: Event = field(default_factory=Event)
    error: str | None = None


class Spool:
    """Keeps records in a directory; nothing is opened before the first one."""

    def __init__(self, directory: Path, key: bytes, on_lost: Callable[[str], None]) -> None:
        """Take the directory, and whom to tell the names of files that were deleted, replaced or changed."""
        self._files = Files(directory, key, on_lost)
        self._changed = Condition()
        self._waiting: list[_Ticket] = []
        self._busy_since: float | None = None
        self._thread: Thread | None = None

    def keep(self, leaves: Sequence[bytes], *, within_s: float) -> None:
        """Return once records are on the disk; raise `SpoolError` where they are not within some seconds.

        They may get there later all the same. Without any, only try whether the next would.
        """
        ticket = _Ticket(leaves)
        with self._changed:
            if self._busy_since is not None and monotonic() - self._busy_since > HANGS_AFTER_S:
                raise SpoolError("the disk hangs")
            self._waiting.append(ticket)
            self._have_it_written()
            self._changed.notify()
        if not ticket.done.wait(max(within_s, 0.0)):
            raise SpoolError("the disk did not answer in time")
        if ticket.error is not None:
            raise SpoolError(ticket.error)

    def _have_it_written(self) -> None:
        """The thread is started late, because none outlives the fork of a process."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = Thread(target=self._run, name="spool", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                batch, self._waiting = self._waiting, []
                self._busy_since = monotonic()
            error = self._written(batch)
            with self._changed:
                self._busy_since = None
            for ticket in batch:
                ticket.error = error
                ticket.done.set()

    def _written(self, batch: Sequence[_Ticket]) -> str | None:
        """Write what all of them brought, with one wait for the disk; say what was wrong."""
        try:
            self._files.append([leaf for ticket in batch for leaf in ticket.leaves])
        except OSError as error:
            return error.strerror or type(error).__name__
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody must wait for a thread that has ended
            return type(error).__name__
        return None
