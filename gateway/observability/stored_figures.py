"""Figures for Prometheus that the database knows: read at most every few seconds, left out where it does not tell."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

from prometheus_client import Metric, generate_latest
from prometheus_client.registry import Collector
from psycopg import Error as DriverError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

FRESH_S = 5.0


@dataclass
class StoredFigures:
    """Some figures as one process knows them; `collect` reads them."""

    engine: Engine
    collect: Callable[[Connection, datetime], Iterable[Metric]]
    _text: bytes = b""
    _read_at: float = -FRESH_S
    _lock: Lock = field(default_factory=Lock)

    def text(self) -> bytes:
        """The figures in Prometheus' text format; nothing where there are none, or the database does not tell."""
        with self._lock:
            if time.monotonic() - self._read_at >= FRESH_S:
                self._text = self._read()
                self._read_at = time.monotonic()
            return self._text

    def _read(self) -> bytes:
        try:
            with self.engine.connect() as connection:
                return generate_latest(_Read(list(self.collect(connection, datetime.now(UTC)))))
        except (SQLAlchemyError, DriverError):
            return b""


@dataclass(frozen=True)
class _Read(Collector):
    """Figures that were read already."""

    read: list[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.read
