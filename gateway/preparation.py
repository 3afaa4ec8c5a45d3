"""Makes a database ready for this version of the gateway: tables, partitions, rights, and the policy on record."""

from datetime import datetime

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import insert

from partners import schema, statements
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
    schema.upgrade(engine, now=now)
    with engine.begin() as connection:
        grant_release_role(connection, (*every_statement(), *_OF_NOBODY, *queries.every_statement()))
        recorded = insert(policy_version).values(version=VERSION, document=DOCUMENT)
        connection.execute(recorded.on_conflict_do_nothing())
