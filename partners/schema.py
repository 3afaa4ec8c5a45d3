"""Brings a database to the newest migration and keeps the log's partitions ahead of time."""

from datetime import UTC, date, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

import migrations
from partners.tables.access import access_log, access_network, access_subject, access_subject_set

PARTITIONED = (access_log, access_subject, access_subject_set, access_network)
MONTHS_AHEAD = 3


def upgrade(engine: Engine, *, now: datetime) -> None:
    """Apply all migrations and make the partitions of this and the coming months."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        make_partitions(connection, now=now)


def make_partitions(connection: Connection, *, now: datetime) -> None:
    """Make what is missing of the monthly partitions from this month to three months ahead."""
    month = now.astimezone(UTC).date().replace(day=1)
    for _ in range(MONTHS_AHEAD + 1):
        following = next_month(month)
        for table in PARTITIONED:
            connection.execute(
                text(
                    f"CREATE TABLE IF NOT EXISTS {table.name}_{month:%Y_%m} PARTITION OF {table.name} "
                    f"FOR VALUES FROM ('{month} 00:00:00+00') TO ('{following} 00:00:00+00')"
                )
            )
        month = following


def next_month(month: date) -> date:
    """The first day of the month after one that is given by its first day."""
    return month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)
