"""Keeping the access log sealed: one process at a time holds the lock and seals, the others stand by."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, func, select
from structlog import get_logger

from gateway.settings import Settings
from gateway.wording import kind_of
from partners.access_log.keys import DerivedKeys, SigningKeys
from partners.access_log.sequencer import RefusedError, seal
from partners.access_log.stored_checkpoints import Anchor
from partners.keyring import Keyring
from partners.postgres import database
from partners.postgres.locks import Lock

if TYPE_CHECKING:
    from gateway.observability.metrics import Metrics

POLL_S = 0.5
"""How long what was just committed may wait; half of it on average."""
STANDBY_S = 1.0
"""How often a process that stands by looks whether it is needed."""
TROUBLE_S = 5.0
LOOK_S, PATIENCE_S = 0.2, 60.0
"""How often, and how long, a command looks whether what it did is sealed."""
log = get_logger(__name__)


@dataclass(frozen=True)
class Sealing:
    """What it takes to seal."""

    engine: Engine
    keys: SigningKeys
    anchor: Anchor
    metrics: "Metrics | None" = None

    def run(self, stop: Event) -> None:
        """Seal until told to stop, whenever this process is the one; after trouble try again."""
        while not stop.is_set():
            try:
                with closing(self.engine.connect()) as connection, _alone(connection) as alone:
                    if alone:
                        self._seal_on(connection, stop)
                    else:
                        stop.wait(STANDBY_S)
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the thread
                log.warning("sealing_failed", why=_said(error))
                self._count_failure()
                stop.wait(TROUBLE_S)

    def once(self) -> int | None:
        """Seal what is there, and return the log's size; None where another process seals. Raise `RefusedError`."""
        with closing(self.engine.connect()) as connection, _alone(connection) as alone:
            while alone:
                sealed = seal(connection, self.keys, self.anchor)
                if not sealed.is_full:
                    return sealed.size
        return None

    def until(self, holds: Callable[[], bool]) -> bool:
        """Seal, or leave it to the process that does, until something holds; False where nothing comes of it.

        Raise `RefusedError`.
        """
        give_up_at = time.monotonic() + PATIENCE_S
        while True:
            self.once()
            if holds():
                return True
            if time.monotonic() > give_up_at:
                return False
            time.sleep(LOOK_S)

    def _seal_on(self, connection: Connection, stop: Event) -> None:
        while not stop.is_set():
            began = time.monotonic()
            sealed = seal(connection, self.keys, self.anchor)
            if not sealed.is_full:
                stop.wait(max(0.0, POLL_S - (time.monotonic() - began)))

    def _count_failure(self) -> None:
        if self.metrics is not None:
            self.metrics.sealing_failures.inc()


def sealing_of(settings: Settings, keyring: Keyring, url: str, metrics: "Metrics | None" = None) -> Sealing:
    """Put together what the settings say; nothing is opened until it runs."""
    keys = DerivedKeys(keyring, settings.log_origin)
    return Sealing(database.sealer(url), keys, Anchor(settings.data_dir, settings.log_origin), metrics)


def start(sealing: Sealing) -> Event:
    """Seal in a thread of this process until it ends, or the event that is returned is set."""
    stop = Event()
    Thread(target=sealing.run, args=[stop], name="sealing", daemon=True).start()
    return stop


@contextmanager
def _alone(connection: Connection) -> Iterator[bool]:
    """Try for the lock; it falls with the connection, which where it holds the lock must not go back to the pool."""
    with connection.begin():
        alone = bool(connection.scalar(select(func.pg_try_advisory_lock(Lock.SEALING.key))))
    try:
        yield alone
    finally:
        if alone:
            connection.invalidate()


def _said(error: Exception) -> str:
    """One line; of what nobody foresaw the kind alone, because its text may quote what is stored."""
    if isinstance(error, RefusedError | OSError):
        return str(error)
    return kind_of(error)
