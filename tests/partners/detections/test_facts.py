"""Facts are asked at once, however many of them there are, and each has its own figures."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, update

from partners.detections import clients, days, hours, rules
from partners.detections.asked import Asked, beginning_of_hour
from partners.postgres.database import Database
from partners.registry import acts
from partners.registry.acts import Act
from partners.tables.detections import client_network, client_seen, partner_day, partner_hour
from partners.tables.partner import client, client_secret
from tests.factories import add_partner
from tests.partners.detections.pasts import AN_HOUR_AGO, DAY, MINUTE, NOW, Call, Past, office_days
from tests.round_trips import sent

ASKED = Asked(NOW - timedelta(hours=1), NOW)
FIRST = NOW - 100 * DAY
MANY = rules.MEMBERS_IN_AN_HOUR + 1


def seen(client: str, partner: str, **more: object) -> dict[str, object]:
    return {"client": client, "partner": partner, "first_at": FIRST, "last_at": NOW, **more}


def test_new_networks_are_asked_at_once(db: Database) -> None:
    calls = {
        "10.0.0.0/24": FIRST,
        "10.0.1.0/24": FIRST - DAY,
        "10.1.0.0/24": NOW - rules.BASELINE - DAY,
        "10.2.0.0/24": NOW - 5 * DAY,
        "10.3.0.0/24": NOW - timedelta(hours=2),
        "10.4.0.0/24": NOW - timedelta(minutes=2),
        "10.5.0.0/24": NOW - timedelta(minutes=1),
    }
    with db.write.begin() as connection:
        connection.execute(insert(client_seen), [seen("c1", "w1"), seen("c2", "w2")])
        rows = [{"client": "c1", "network": network, "first_at": at, "last_at": NOW} for network, at in calls.items()]
        rows += [{"client": "c2", "network": "10.9.0.0/24", "first_at": NOW - timedelta(minutes=3), "last_at": NOW}]
        connection.execute(insert(client_network), rows)
        with sent(connection) as statements:
            found = list(clients.networks(connection, ASKED))

    assert [(each.whom.client, each.network, each.new_before, each.new_that_day) for each in found] == [
        ("c2", "10.9.0.0/24", 0, 1),
        ("c1", "10.4.0.0/24", 2, 2),
        ("c1", "10.5.0.0/24", 3, 3),
    ]
    assert len(statements) == 1


def test_hours_are_asked_at_once(db: Database) -> None:
    hour = beginning_of_hour(NOW)
    usual = {"client": "c", "requests": 1, "refused": 0, "missed": 0, "members": 0, "largest": 0}
    with db.write.begin() as connection:
        of_w1 = [seen("c1", "w1"), seen("c2", "w1", first_at=FIRST + DAY)]
        connection.execute(insert(client_seen), [*of_w1, seen("c3", "w2"), seen("c4", "w3"), seen("c5", "w4")])
        rows = [
            *({"partner": f"w{number}", "hour": hour, **usual, "members": MANY} for number in (1, 2, 3)),
            {"partner": "w4", "hour": hour, **usual},
            {"partner": "w1", "hour": hour - 14 * DAY + timedelta(hours=1), **usual},
            {"partner": "w2", "hour": hour - 14 * DAY + timedelta(hours=2), **usual},
            {"partner": "w3", "hour": hour - 14 * DAY, **usual, "requests": 0},
        ]
        connection.execute(insert(partner_hour), rows)
        with sent(connection) as statements:
            found = list(hours.hours(connection, ASKED))

    facts = [(each.whom.partner, each.members, each.known_since, each.used_before) for each in found]
    assert sorted(facts) == [("w1", MANY, FIRST, True), ("w2", MANY, FIRST, False), ("w3", MANY, FIRST, False)]
    assert len(statements) == 1


@pytest.mark.parametrize(
    ("known_since", "before"),
    [(NOW - rules.BASELINE - DAY, [7, 7, 7, 7]), (NOW - rules.BASELINE + 2 * DAY, [])],
)
def test_a_partner_has_no_days_of_its_own_in_its_first_28(
    db: Database, known_since: datetime, before: list[int]
) -> None:
    usual = {"partner": "w1", "client": "", "model": "", "requests": 1, "missed": 0, "steps_up": 0, "steps_down": 0}
    with db.write.begin() as connection:
        add_partner(connection, "w1")
        connection.execute(insert(client_seen), seen("c1", "w1", first_at=known_since))
        past = [{**usual, "day": (NOW - number * DAY).date(), "members": 7} for number in range(1, 5)]
        today = {**usual, "day": NOW.date(), "members": rules.FEWEST_MEMBERS}
        connection.execute(insert(partner_day), [*past, today])
        (found,) = days.volumes(connection, ASKED)

    assert found.before == before


def test_whatever_lets_somebody_in_is_a_change_of_credentials_and_a_first_secret_is_none(past: Past) -> None:
    past.partner()
    past.happen([*office_days(5, members=5), Call(AN_HOUR_AGO, tuple(range(1, 61)))])
    past.detect()
    at = AN_HOUR_AGO - 5 * MINUTE
    with past.log.engines.write.connect() as connection:

        def changes() -> list[tuple[str, int]]:
            found = clients.changes(connection, Asked(AN_HOUR_AGO, NOW))
            return [(each.what, each.largest) for each in found]

        assert changes() == []
        for what in ("clients.rotate", "clients.resume", "clients.grant", "approvals.approve"):
            act = Act(f"oauth.{what}", partner="w1", client="client-w1")
            acts.note(connection, act, operator="ada", now=at)
            assert changes() == [("credentials", 60)], what
            connection.rollback()
        secret = {"client": "client-w1", "digest": b"digest", "created_at": at}
        for made, expected in (
            (at - timedelta(hours=1), []),
            (at - timedelta(hours=1, seconds=1), [("credentials", 60)]),
        ):
            connection.execute(update(client).values(created_at=made))
            connection.execute(insert(client_secret).values(secret))
            assert changes() == expected
            connection.rollback()
