"""Tickets open for their purpose, browser and time alone."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.account.tickets import LASTS, Purpose, Tickets
from partners.keyring import Keyring
from tests.conftest import SECRET

NOW = datetime(2026, 11, 1, tzinfo=UTC)
TICKETS = Tickets(Keyring(SECRET))
TICKET = TICKETS.seal(Purpose.AUTHORIZATION, {"client": "c1"}, browser="b", now=NOW)


def test_a_ticket_opens_where_and_when_it_may() -> None:
    late = NOW + LASTS - timedelta(seconds=1)

    assert TICKETS.open(Purpose.AUTHORIZATION, TICKET, browser="b", now=late) == {"client": "c1"}


@pytest.mark.parametrize(
    ("purpose", "ticket", "browser", "now"),
    [
        (Purpose.SET_UP, TICKET, "b", NOW),
        (Purpose.AUTHORIZATION, TICKET, "c", NOW),
        (Purpose.AUTHORIZATION, TICKET, "b", NOW + LASTS),
        (Purpose.AUTHORIZATION, TICKET[:-4], "b", NOW),
        (Purpose.AUTHORIZATION, "", "b", NOW),
        (Purpose.AUTHORIZATION, "é", "b", NOW),
        (Purpose.AUTHORIZATION, "a", "b", NOW),
    ],
)
def test_and_nowhere_else(purpose: Purpose, ticket: str, browser: str, now: datetime) -> None:
    assert TICKETS.open(purpose, ticket, browser=browser, now=now) is None
