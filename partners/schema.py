"""Brings a database to the newest migration."""

from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

import migrations
from partners.partitions import make_partitions


def upgrade(engine: Engine, *, now: datetime) -> None:
    """Apply all migrations and make the partitions of this and the coming months."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        make_partitions(connection, now=now)
