"""Facts are asked at once, however many of them there are, and each has its own figures."""

from datetime import timedelta

from sqlalchemy import insert

from partners.database import Database
from partners.detections import clients, hours, rules
from partners.detections.asked import Asked, beginning_of_hour
from partners.tables.detections import client_network, client_seen, partner_hour
from tests.partners.detections.pasts import DAY, NOW
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
