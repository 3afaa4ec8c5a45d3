"""Keeping the detections running: a thread in each worker, of which one at a time has its turn."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from structlog import get_logger

from gateway.wording import kind_of
from partners.access_log.append import Access
from partners.detections.running import detect
from partners.vocabulary import Purpose

if TYPE_CHECKING:
    from gateway.observability.metrics import Metrics

EVERY = timedelta(minutes=5)
LOOK_S = 60.0
"""How often a worker looks whether a run is due."""
log = get_logger(__name__)


@dataclass(frozen=True)
class Detecting:
    """What it takes to run them."""

    engine: Engine
    metrics: "Metrics"

    def run(self, stop: Event) -> None:
        """Run them whenever they are due until told to stop; after trouble try again."""
        while not stop.wait(LOOK_S):
            try:
                self.once(datetime.now(UTC))
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the thread
                # The kind alone: a database's text may quote what is stored.
                self.metrics.detecting_failures.inc()
                log.warning("detecting_failed", why=kind_of(error))

    def once(self, now: datetime) -> None:
        """Run them if that is due and nobody else does."""
        run = detect(self.engine, now=now, recorded=_on_record, every=EVERY)
        if run is None:
            return
        for each in run.raised:
            log.warning("alert_raised", alert=each.alert.public_id, rule=each.alert.rule, tier=each.alert.tier)


def start(detecting: Detecting) -> Event:
    """Run them in a thread of this process until it ends, or the event that is returned is set."""
    stop = Event()
    Thread(target=detecting.run, args=[stop], name="detecting", daemon=True).start()
    return stop


def _on_record(operation: str, at: datetime) -> Access:
    """The gateway itself: nobody asked."""
    return Access.without_request(at, operation, Purpose.SECURITY)
