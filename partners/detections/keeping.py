"""What is counted for detections goes when no rule looks so far back; sketches as soon as their day is over."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, Table, and_, update

from partners.tables.detections import alert, alert_floor, partner_day, partner_hour

COUNTS_KEPT = timedelta(days=90)
SKETCHES_KEPT = timedelta(days=3)
"""An entry may be sealed a day after its request."""


def outlived(now: datetime) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Tables, and which of their rows no rule will ask for again."""
    yield partner_day, partner_day.c.day < (now - COUNTS_KEPT).date()
    yield partner_hour, partner_hour.c.hour < now - COUNTS_KEPT
    yield alert_floor, alert_floor.c.until < now


def unname(engine: Engine, *, now: datetime, networks_before: datetime) -> None:
    """Take the networks out of old alerts, and let go of the sketches of days that are over."""
    old = and_(alert.c.network.is_not(None), alert.c.since < networks_before)
    over = and_(partner_day.c.sketch.is_not(None), partner_day.c.day < (now - SKETCHES_KEPT).date())
    with engine.begin() as connection:
        connection.execute(update(alert).where(old).values(network=None))
        connection.execute(update(partner_day).where(over).values(sketch=None))
