"""How far security tools are behind the sealed log, for Prometheus."""

from collections.abc import Iterable, Iterator
from datetime import datetime

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


def told(connection: Connection, now: datetime) -> str:
    """Gauges in Prometheus' text format; nothing where there is no sink."""
    return "".join(_lines(sinks.standings(connection), now))


def lag_of(standing: Standing, now: datetime) -> float:
    """For how many seconds the oldest entry that a sink lacks has been waiting."""
    return max(0.0, (now - standing.waiting_since).total_seconds()) if standing.waiting_since else 0.0


def _lines(standings: Iterable[Standing], now: datetime) -> Iterator[str]:
    told = [(each.row.name, _values(each, now)) for each in standings]
    for place, (name, meaning) in enumerate(FIGURES.items()):
        if told:
            yield f"# HELP {name} {meaning}\n# TYPE {name} gauge\n"
        for sink, values in told:
            yield f'{name}{{sink="{sink}"}} {values[place]:.0f}\n'


def _values(standing: Standing, now: datetime) -> tuple[float, ...]:
    row = standing.row
    silent = (now - (row.looked_at or row.added_at)).total_seconds()
    return (standing.waiting, lag_of(standing, now), row.failures, len(standing.refused), max(0.0, silent))
