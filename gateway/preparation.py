"""Makes a database ready for this version of the gateway: tables, partitions, rights, and the policy on record."""

from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import insert

import migrations
from partners import statements
from partners.postgres.partitions import make_partitions
from partners.postgres.roles import make_roles
from partners.registry import campaigns
from partners.statistics import queries
from partners.tables.access import policy_version
from serializers.policies import DOCUMENT, VERSION
from serializers.policy.grants import grant_release_role
from serializers.statements import every_statement

_OF_NOBODY = (*statements.EVERY_STATEMENT, campaigns.LISTING.statement)
"""Besides those that are built for what is asked, of statistics and of releases."""


def prepare(engine: Engine, *, now: datetime) -> None:
    """Do it all, again without harm: what `gateway db upgrade` does. `engine` has the owner's rights."""
    migrate(engine, now=now)
    with engine.begin() as connection:
        make_roles(connection)
        grant_release_role(connection, (*every_statement(), *_OF_NOBODY, *queries.every_statement()))
        recorded = insert(policy_version).values(version=VERSION, document=DOCUMENT)
        connection.execute(recorded.on_conflict_do_nothing())


def migrate(engine: Engine, *, now: datetime) -> None:
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
