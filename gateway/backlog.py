"""How much partners have still to be told, for Prometheus."""

from datetime import datetime

from sqlalchemy import Connection

from partners import outbox

_TEXT = """# HELP gateway_notices_waiting Notices that partners have still to acknowledge or to be told by hand.
# TYPE gateway_notices_waiting gauge
gateway_notices_waiting {waiting}
# HELP gateway_notices_oldest_seconds How long the oldest of them has been waiting.
# TYPE gateway_notices_oldest_seconds gauge
gateway_notices_oldest_seconds {seconds:.0f}
"""


def told(connection: Connection, now: datetime) -> str:
    """Two gauges in Prometheus' text format."""
    waiting, since = outbox.backlog(connection)
    seconds = (now - since).total_seconds() if since else 0.0
    return _TEXT.format(waiting=waiting, seconds=max(0.0, seconds))
