"""How much partners have still to be told, for Prometheus."""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Connection

from partners import outbox

FIGURES = {
    "gateway_notices_waiting": "Notices that partners have still to acknowledge or to be told by hand.",
    "gateway_notices_oldest_seconds": "How long the oldest of them has been waiting.",
}


def collect(connection: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    """The gauges, in their order."""
    waiting, since = outbox.backlog(connection)
    seconds = (now - since).total_seconds() if since else 0.0
    for (name, meaning), value in zip(FIGURES.items(), (waiting, max(0.0, seconds)), strict=True):
        yield GaugeMetricFamily(name, meaning, value)
