"""A platform with two webmasters, a campaign of each, and a model."""

import pytest

from partners.database import Database
from partners.keyring import Keyring
from partners.vocabulary import PartnerKind
from tests.conftest import NOW
from tests.factories import add_campaign, add_model, add_partner
from tests.feeding import Platform


@pytest.fixture
def platform(db: Database, keyring: Keyring) -> Platform:
    """A platform at `NOW`."""
    prepare(db)
    return Platform(db, keyring, NOW)


def prepare(db: Database) -> None:
    """Register whom events name."""
    with db.write.begin() as connection:
        add_campaign(connection, add_partner(connection, "w1"), "spring")
        add_campaign(connection, add_partner(connection, "w2"), "autumn")
        add_partner(connection, "center", PartnerKind.MODEL_CENTER)
        add_model(connection, "mdl-1")
        add_model(connection, "mdl-2")
