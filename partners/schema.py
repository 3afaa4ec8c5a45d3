"""Brings a database to the newest migration."""

from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine

import migrations
from partners.partitions import make_partitions


def upgrade(engine: Engine, *, now: datetime) -> None:
    """Apply all migrations and make the partitions of this and the coming months.

    Raise `UnknownRevisionError` where a newer version of the gateway has been at it.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise migrations.UnknownRevisionError from error
        make_partitions(connection, now=now)
