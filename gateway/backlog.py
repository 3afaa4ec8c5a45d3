"""How much partners have still to be told, for Prometheus: read from the database, at most every few seconds."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from partners import outbox

FRESH_S = 5.0
_TEXT = """# HELP gateway_notices_waiting Notices that partners have still to acknowledge or to be told by hand.
# TYPE gateway_notices_waiting gauge
gateway_notices_waiting {waiting}
# HELP gateway_notices_oldest_seconds How long the oldest of them has been waiting.
# TYPE gateway_notices_oldest_seconds gauge
gateway_notices_oldest_seconds {seconds:.0f}
"""


@dataclass
class Backlog:
    """The backlog as one process knows it."""

    engine: Engine
    _text: bytes = b""
    _read_at: float = -FRESH_S
    _lock: Lock = field(default_factory=Lock)

    def text(self) -> bytes:
        """Two gauges in Prometheus' text format; nothing where the database does not tell."""
        with self._lock:
            if time.monotonic() - self._read_at >= FRESH_S:
                self._text = self._read()
                self._read_at = time.monotonic()
            return self._text

    def _read(self) -> bytes:
        try:
            with self.engine.connect() as connection:
                waiting, since = outbox.backlog(connection)
        except SQLAlchemyError:
            return b""
        seconds = (datetime.now(UTC) - since).total_seconds() if since else 0.0
        return _TEXT.format(waiting=waiting, seconds=max(0.0, seconds)).encode()
