"""How far security tools are behind the sealed log, for Prometheus."""

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import Connection

from partners.access_log import sinks
from partners.access_log.sinks import Standing

FIGURES = {
    "gateway_log_sink_waiting_entries": "Sealed entries that a sink does not have.",
    "gateway_log_sink_lag_seconds": "Since when the oldest of them waits, where any is news.",
    "gateway_log_sink_failures": "Attempts at a sink that failed, since the last that did not.",
    "gateway_log_sink_refused_entries": "Entries that a sink would not take and that were passed over.",
    "gateway_log_sink_silent_seconds": "Since the last sign of life of a process that pushes.",
}
"""Gauges by name, each with a label `sink`."""


def collect(connection: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    """The gauges, in their order; nothing where there is no sink."""
    standings = [(each.row.name, _values(each, now)) for each in sinks.standings(connection)]
    for place, (name, meaning) in enumerate(FIGURES.items() if standings else ()):
        gauge = GaugeMetricFamily(name, meaning, labels=("sink",))
        for sink, values in standings:
            gauge.add_metric((sink,), values[place])
        yield gauge


def lag_of(standing: Standing, now: datetime) -> float:
    """For how many seconds the oldest entry that a sink lacks has been waiting."""
    return max(0.0, (now - standing.waiting_since).total_seconds()) if standing.waiting_since else 0.0


def _values(standing: Standing, now: datetime) -> tuple[float, ...]:
    row = standing.row
    silent = (now - (row.looked_at or row.added_at)).total_seconds()
    return (standing.waiting, lag_of(standing, now), row.failures, len(standing.refused), max(0.0, silent))
