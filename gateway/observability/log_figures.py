"""How far the log is sealed, and what the detections left to look at, for Prometheus: whoever sealed and ran them."""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Connection

from partners.access_log import figures
from partners.access_log.unsealed import waiting_since
from partners.detections import alerts
from partners.detections.running import last_run_at

SEALED_UNTIL = "gateway_log_sealed_until_seconds"
SEALED_ENTRIES = "gateway_log_sealed_entries"
UNSETTLED_ALERTS = "gateway_unsettled_alerts"
DETECTED_AT = "gateway_detections_run_at_seconds"
FIGURES = {
    SEALED_UNTIL: "Unix time: every record that was asked for before it is sealed.",
    SEALED_ENTRIES: "Entries in the sealed log.",
    UNSETTLED_ALERTS: "Alerts that nobody has closed, by `tier`.",
    DETECTED_AT: "Unix time of the last run of the detections.",
}


def collect(connection: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    """The gauges, in their order."""
    newest = figures.sealed(connection)
    oldest_waiting = waiting_since(connection, newest.horizon if newest else 0)
    run_at = last_run_at(connection)
    yield _gauge(SEALED_UNTIL, (oldest_waiting or now).timestamp())
    yield _gauge(SEALED_ENTRIES, newest.size if newest else 0)
    unsettled = GaugeMetricFamily(UNSETTLED_ALERTS, FIGURES[UNSETTLED_ALERTS], labels=("tier",))
    for tier, count in alerts.unsettled_by_tier(connection).items():
        unsettled.add_metric((tier,), count)
    yield unsettled
    yield _gauge(DETECTED_AT, run_at.timestamp() if run_at else 0)


def _gauge(name: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, FIGURES[name], value)
