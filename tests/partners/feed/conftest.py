"""A platform with two webmasters, a campaign of each, and two models, over a database that a module's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Table, delete, func, select

from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.tables import access, metadata, sealing
from partners.vocabulary import PartnerKind
from tests.conftest import NOW
from tests.factories import add_campaign, add_model, add_partner
from tests.feeding import Platform

_LOG = [each for room in (access, sealing) for each in vars(room).values() if isinstance(each, Table)]
_EMPTIED = [table for table in reversed(metadata.sorted_tables) if table not in _LOG]


@pytest.fixture
def platform(module_db: Database, keyring: Keyring, tmp_path: Path) -> Iterator[Platform]:
    """A platform at `NOW`; what it told is gone after the test."""
    prepare(module_db)
    yield Platform(module_db, keyring, NOW, tmp_path)
    empty(module_db)


def prepare(db: Database) -> None:
    """Register whom events name."""
    with db.write.begin() as connection:
        add_campaign(connection, add_partner(connection, "w1"), "spring")
        add_campaign(connection, add_partner(connection, "w2"), "autumn")
        add_partner(connection, "center", PartnerKind.MODEL_CENTER)
        add_model(connection, "mdl-1")
        add_model(connection, "mdl-2")


def empty(db: Database) -> None:
    """Delete every row but those of the access log, and of what nobody may delete: sooner done than a new database."""
    with db.write.begin() as connection:
        for table in _EMPTIED:
            if connection.scalar(select(func.has_table_privilege(table.name, "DELETE"))):
                connection.execute(delete(table))
