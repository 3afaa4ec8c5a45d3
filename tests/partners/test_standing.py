"""A tool acts as the webmaster who consented while tool, webmaster and consent are all alive."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from partners.consents import families
from partners.consents.families import Family
from partners.people import accounts
from partners.postgres.database import Database
from partners.registry import partners
from partners.standing import standing
from partners.vocabulary import PartnerKind, Reason, Scope
from tests.conftest import NOW
from tests.factories import add_client, add_partner


@pytest.fixture
def connection(module_db: Database) -> Iterator[Connection]:
    """A transaction that is rolled back."""
    with module_db.write.connect() as opened:
        yield opened


@pytest.fixture
def consent(connection: Connection) -> Family:
    """What a webmaster allowed a tool at `NOW`."""
    add_partner(connection, "webmaster")
    client = add_client(connection, add_partner(connection, "tool", PartnerKind.TRACKER))
    person = accounts.add(connection, "webmaster", "anna", now=NOW).person
    return families.begin(connection, person, client_id=client, scopes=[Scope.STATS_READ], now=NOW)


def test_a_token_of_a_consent_is_worth_nothing_once_the_consent_is_over(
    connection: Connection, consent: Family
) -> None:
    last = consent.expires_at - timedelta(microseconds=1)

    assert denied(connection, consent, now=last) is None
    assert denied(connection, consent, now=consent.expires_at) == Reason.INVALID_TOKEN


@pytest.mark.parametrize("who", ["tool", "webmaster"])
def test_a_suspension_of_either_side_is_called_so(connection: Connection, consent: Family, who: str) -> None:
    partners.suspend(connection, who)

    assert denied(connection, consent, now=NOW) == Reason.SUSPENDED


def denied(connection: Connection, consent: Family, *, now: datetime) -> str | None:
    """Why a token of a consent that has the client's first version is refused, or nothing."""
    parameters = {
        "caller_client": consent.client,
        "caller_version": 1,
        "caller_token": "tok_1",
        "caller_key": "key-1",
        "caller_address": "192.0.2.7",
        "caller_family": consent.id,
        "caller_partner": consent.partner,
        "caller_now": now,
    }
    reason: str | None = connection.execute(standing(member_rows=False), parameters).one().denied
    return reason
