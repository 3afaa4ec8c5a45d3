"""How far the log is sealed, and what the detections left to look at, for Prometheus: whoever sealed and ran them."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from partners.access_log import figures
from partners.detections import alerts
from partners.detections.running import last_run_at

SEALED_UNTIL = "gateway_log_sealed_until_seconds"
SEALED_ENTRIES = "gateway_log_sealed_entries"
UNSETTLED_ALERTS = "gateway_unsettled_alerts"
DETECTED_AT = "gateway_detections_run_at_seconds"


def told(connection: Connection, now: datetime) -> str:
    """Gauges in Prometheus' text format."""
    return "".join(_lines(connection, now))


def _lines(connection: Connection, now: datetime) -> Iterator[str]:
    newest, oldest_waiting = figures.sealed(connection), figures.waiting_since(connection)
    run_at = last_run_at(connection)
    yield _head(SEALED_UNTIL, "Unix time: every record that was asked for before it is sealed.")
    yield f"{SEALED_UNTIL} {(oldest_waiting or now).timestamp():.3f}\n"
    yield _head(SEALED_ENTRIES, "Entries in the sealed log.")
    yield f"{SEALED_ENTRIES} {newest.size if newest else 0}\n"
    yield _head(UNSETTLED_ALERTS, "Alerts that nobody has closed.")
    for tier, count in alerts.unsettled_by_tier(connection).items():
        yield f'{UNSETTLED_ALERTS}{{tier="{tier}"}} {count}\n'
    yield _head(DETECTED_AT, "Unix time of the last run of the detections.")
    yield f"{DETECTED_AT} {run_at.timestamp() if run_at else 0:.3f}\n"


def _head(name: str, meaning: str) -> str:
    return f"# HELP {name} {meaning}\n# TYPE {name} gauge\n"
