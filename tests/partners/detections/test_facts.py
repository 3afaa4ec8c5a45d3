"""Facts are asked at once, however many of them there are, and each has its own figures."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from partners.detections import clients, days, hours, rules
from partners.detections.asked import Asked, beginning_of_hour
from partners.postgres.database import Database
from partners.registry import acts
from partners.registry.acts import Act
from partners.tables.detections import client_network, client_seen, partner_day, partner_hour
from partners.tables.partner import client, client_secret
from partners.vocabulary import PartnerKind
from tests.factories import add_member, add_partner
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
        connection.execute(insert(client_seen), [seen("c6", "w5"), seen("c7", "w6")])
        rows = [
            *({"partner": f"w{number}", "hour": hour, **usual, "members": MANY} for number in (1, 2, 3, 5, 6)),
            {"partner": "w5", "hour": hour - 56 * DAY - timedelta(hours=1), **usual},
            {"partner": "w6", "hour": hour - 63 * DAY, **usual},
            {"partner": "w4", "hour": hour, **usual},
            {"partner": "w1", "hour": hour - 14 * DAY + timedelta(hours=1), **usual},
            {"partner": "w2", "hour": hour - 14 * DAY + timedelta(hours=2), **usual},
            {"partner": "w3", "hour": hour - 14 * DAY, **usual, "requests": 0},
        ]
        connection.execute(insert(partner_hour), rows)
        with sent(connection) as statements:
            found = list(hours.hours(connection, ASKED))

    facts = [(each.whom.partner, each.members, each.known_since, each.used_before) for each in found]
    assert sorted(facts) == [
        ("w1", MANY, FIRST, True),
        ("w2", MANY, FIRST, False),
        ("w3", MANY, FIRST, False),
        ("w5", MANY, FIRST, True),
        ("w6", MANY, FIRST, False),
    ]
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


def test_new_partners_of_one_day_have_the_days_of_each_other_and_not_their_own(db: Database) -> None:
    usual = {"client": "", "model": "", "requests": 1, "missed": 0, "steps_up": 0, "steps_down": 0}
    with db.write.begin() as connection:
        for name, members in (("w1", 1), ("w2", 2), ("w3", 3)):
            add_partner(connection, name)
            connection.execute(insert(client_seen), seen(f"c-{name}", name, first_at=NOW - DAY))
            past = {**usual, "partner": name, "day": (NOW - DAY).date(), "members": members}
            connection.execute(insert(partner_day), [past, past | {"day": NOW.date(), "members": rules.FEWEST_MEMBERS}])
        with sent(connection) as statements:
            found = {each.whom.partner: sorted(each.peers) for each in days.volumes(connection, ASKED)}

    assert found == {"w1": [2, 3], "w2": [1, 3], "w3": [1, 2]}
    assert len(statements) == 3


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


def day(partner: str, ago: int, members: int = 0, **more: object) -> dict[str, object]:
    """A day of a whole partner, or with `client` of one of its clients."""
    usual = {"client": "", "model": "", "requests": 1, "missed": 0, "steps_up": 0, "steps_down": 0}
    return {**usual, "partner": partner, "day": (NOW - ago * DAY).date(), "members": members, **more}


def test_peers_are_others_of_its_kind_and_days_are_those_on_which_it_got_at_somebody(db: Database) -> None:
    with db.write.begin() as connection:
        for name, kind in (("new", "webmaster"), ("old", "webmaster"), ("studio", "model_center")):
            add_partner(connection, name, PartnerKind(kind))
        started = [seen("c1", "new", first_at=NOW - 3 * DAY), seen("c2", "old"), seen("c3", "studio")]
        connection.execute(insert(client_seen), started)
        days_of_new = [day("new", 0, rules.FEWEST_MEMBERS), day("new", 1, 1), day("new", 2, 2)]
        days_of_old = [day("old", 1, 11), day("old", 2), day("old", 3, 12)]
        connection.execute(insert(partner_day), [*days_of_new, *days_of_old, day("studio", 1, 20)])
        (of_new,) = days.volumes(connection, ASKED)
        connection.execute(insert(partner_day), day("old", 0, rules.FEWEST_MEMBERS))
        connection.execute(delete(partner_day).where(partner_day.c.partner == "new"))
        (of_old,) = days.volumes(connection, ASKED)

    assert (of_new.before, sorted(of_new.peers)) == ([], [11, 12])
    assert (sorted(of_old.before), of_old.peers) == ([11, 12], [])


def test_within_reach_is_who_is_shared_now(db: Database) -> None:
    kept_from_it = ({"affiliate_sharing": False}, {"objecting": True}, {"restricted": True}, {"service_consent": False})
    with db.write.begin() as connection:
        webmaster, other = add_partner(connection, "w1"), add_partner(connection, "w2")
        for number, facts in enumerate(({}, {}, *kept_from_it)):
            add_member(connection, f"m{number}", webmaster=webmaster, **facts)
        add_member(connection, "of-another", webmaster=other)
        connection.execute(insert(partner_day), day("w1", 0, rules.FEWEST_MEMBERS, client="c1"))
        days.ask_what_is_reachable(connection, ASKED)

        assert connection.scalar(select(partner_day.c.reachable)) == 2


def test_who_has_no_habits_yet_has_those_of_its_kind(db: Database) -> None:
    """A day of everything there is among days of nothing."""
    swept, quiet = {"members": rules.FEWEST_MEMBERS, "reachable": rules.FEWEST_MEMBERS}, {"reachable": None}
    with db.write.begin() as connection:
        for name, kind in (("new", "webmaster"), ("old", "webmaster"), ("studio", "model_center")):
            add_partner(connection, name, PartnerKind(kind))
        started = [seen("c1", "new", first_at=NOW - 6 * DAY), seen("c2", "old"), seen("c3", "studio")]
        connection.execute(insert(client_seen), started)
        rows = [day("new", ago, client="c1", **(quiet if ago else swept)) for ago in range(5)]
        rows += [day("old", ago, client="c2", **(swept if ago in {0, 1} else quiet)) for ago in range(5)]
        rows += [day("studio", ago, client="c3", **(swept if ago else quiet)) for ago in range(5)]
        connection.execute(insert(partner_day), rows)
        habits = {each.whom.partner: each.habit for each in days.reaches(connection, ASKED)}

    assert habits == {"new": 1 / 8, "old": 1 / 4}


def test_the_most_refused_before_is_that_of_days_before(db: Database) -> None:
    hour = beginning_of_hour(NOW)
    usual = {"partner": "w1", "requests": rules.FEWEST_REQUESTS, "missed": 0, "members": 0, "largest": 0}
    refused = {
        ("c1", hour): 20,
        ("c1", hour - timedelta(hours=2)): 15,
        ("c1", hour - DAY): 10,
        ("c1", hour - rules.BASELINE - DAY): 18,
        ("c2", hour - DAY): 16,
    }
    rows = [{**usual, "client": client, "hour": at, "refused": count} for (client, at), count in refused.items()]
    with db.write.begin() as connection:
        connection.execute(insert(partner_hour), rows)
        found = [each for each in hours.refusals(connection, ASKED) if each.window.since == hour]

    assert [(each.refused, each.most_before) for each in found] == [(20, 10)]


def test_misses_are_held_against_days_of_the_baseline(db: Database) -> None:
    ago = {0: 40, 1: 3, rules.BASELINE.days: 5, rules.BASELINE.days + 1: 50}
    with db.write.begin() as connection:
        rows = [day("w1", number, missed=missed) for number, missed in ago.items()]
        connection.execute(insert(partner_day), [*rows, day("w1", 1, client="c1", missed=9), day("w2", 1, missed=7)])

        assert sorted(days.misses_by_day(connection, "w1", NOW.date())) == [3, 5]


def test_the_densest_ten_minutes_are_told_and_whatever_is_an_hour_from_them() -> None:
    minutes = (0, 9, 10, 11, 75, 76)

    found = list(hours.densest((NOW + minute * MINUTE, minute != 9) for minute in minutes))

    assert [((each.at - NOW) // MINUTE, each.lookups, each.misses) for each in found] == [(11, 3, 2), (76, 2, 2)]


def test_a_change_is_what_a_client_of_long_standing_takes_from_a_new_network_within_an_hour(past: Past) -> None:
    past.partner()
    bulk, elsewhere = tuple(range(1, 61)), "203.0.113.9"
    past.happen([Call(NOW - 59 * DAY), Call(AN_HOUR_AGO, ip=elsewhere), Call(AN_HOUR_AGO + MINUTE, bulk)])
    past.detect()

    def changes() -> list[tuple[str, int]]:
        with past.log.engines.write.connect() as connection:
            return [(each.what, each.largest) for each in clients.changes(connection, Asked(AN_HOUR_AGO, NOW))]

    assert changes() == []
    past.happen([Call(AN_HOUR_AGO + 61 * MINUTE, bulk, ip=elsewhere)])
    assert changes() == []
    past.happen([Call(AN_HOUR_AGO + 59 * MINUTE, bulk[1:], ip=elsewhere)])
    assert changes() == [("network", 59)]
    past.log.sql("UPDATE client_seen SET first_at = :at", at=AN_HOUR_AGO - rules.HISTORY)
    assert changes() == []


def test_who_never_called_before_new_credentials_has_none_to_be_taken_over(past: Past) -> None:
    past.partner()
    past.happen([Call(AN_HOUR_AGO, tuple(range(1, 61)))])
    past.detect()
    with past.log.engines.write.begin() as connection:
        act = Act("oauth.clients.rotate", partner="w1", client="client-w1")
        acts.note(connection, act, operator="ada", now=AN_HOUR_AGO - MINUTE)

        assert list(clients.changes(connection, Asked(AN_HOUR_AGO, NOW))) == []
