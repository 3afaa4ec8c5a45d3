"""Feeds that meet on one database, from two servers: nothing doubled, nothing lost, nobody told of a deadlock."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

import pytest
from flask import Flask
from sqlalchemy import Connection, func, select

from gateway.application import create_app
from gateway.settings import Settings
from partners.members import find_member
from partners.postgres.database import Database
from partners.privacy import PrivacyChange, change_privacy
from partners.tables.activity import applied_event, ledger_entry
from partners.tables.member import member
from partners.vocabulary import PartnerKind
from tests.books import assert_books_balance
from tests.callers import access_token, add_caller, bearer
from tests.factories import add_campaign, add_model, add_partner
from tests.feeding import acted, at, lines, privacy, purchased, referred, refunded, spent, updated

EVENTS = "/v1/platform/events"
MEMBERS = 12
ROUNDS = 15
Posted = tuple[int, dict[str, Any]]
T = TypeVar("T")


class Servers:
    """Two gateways with engines of their own, as two processes have, and the platform that may write to both."""

    def __init__(self, apps: Sequence[Flask], db: Database) -> None:
        self.apps, self.db = apps, db
        with db.write.begin() as connection:
            add_campaign(connection, add_partner(connection, "w1"), "spring")
            add_model(connection, "mdl-1")
        platform = add_caller(db, PartnerKind.PLATFORM)
        self.headers = bearer(access_token(apps[0].test_client(), platform))

    def feed(self, server: int, *events: dict[str, Any]) -> Posted:
        """Post events as lines."""
        return self._post(server, EVENTS, data=lines(*events), content_type="application/x-ndjson")

    def request(self, server: int, who: str, kind: str, **more: Any) -> Posted:
        """Enter a request of a member that binds at once."""
        document = {"type": kind, "verified": True} | more
        return self._post(server, f"/v1/platform/members/{who}/requests", json=document)

    def set_privacy(self, server: int, who: str, **settings: Any) -> Posted:
        """Change settings of a member."""
        path = f"/v1/platform/members/{who}/privacy"
        answer = self.apps[server].test_client().patch(path, json=settings, headers=self.headers)
        return answer.status_code, answer.get_json()

    def _post(self, server: int, path: str, **body: Any) -> Posted:
        answer = self.apps[server].test_client().post(path, headers=self.headers, **body)
        return answer.status_code, answer.get_json()

    def count(self, column: Any, *where: Any) -> int:
        """How many rows there are."""
        with self.db.write.connect() as connection:
            return connection.execute(select(func.count(column)).where(*where)).scalar_one()


@pytest.fixture
def servers(settings: Settings, database_url: str, db: Database) -> Iterator[Servers]:
    apps = [create_app(settings, database_url) for _ in range(2)]
    yield Servers(apps, db)
    for app in apps:
        app.extensions["runtime"].database.dispose()


def at_once(*calls: Callable[[], T]) -> list[T]:
    """Call all at the same moment; return what they returned."""
    barrier = Barrier(len(calls))

    def started(call: Callable[[], T]) -> T:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(started, calls))


@pytest.mark.parametrize("second", [0, 1], ids=["one server", "two servers"])
def test_one_event_posted_twice_at_once_is_applied_once(servers: Servers, second: int) -> None:
    servers.feed(0, referred("m1"))

    for number in range(ROUNDS):
        event = purchased(f"p{number}", "m1", at(hours=number))
        answers = at_once(lambda: servers.feed(0, event), lambda: servers.feed(second, event))  # noqa: B023
        assert [status for status, _ in answers] == [200, 200]
        assert sorted((told["accepted"], told["duplicates"]) for _, told in answers) == [(0, 1), (1, 0)]

    assert servers.count(ledger_entry.c.number) == ROUNDS
    assert_books_balance(servers.db)


def test_one_username_goes_to_one_of_two_who_ask_at_once(servers: Servers) -> None:
    for number in range(ROUNDS):
        name = f"owl{number}"
        answers = at_once(
            lambda: servers.feed(0, referred(f"a{number}", username=name)),  # noqa: B023
            lambda: servers.feed(1, referred(f"b{number}", username=name.upper())),  # noqa: B023
        )
        codes = sorted(error["code"] for _, told in answers for error in told["errors"])
        assert codes == ["username_taken"]

    assert servers.count(member.c.number) == ROUNDS


def story(who: str) -> list[dict[str, Any]]:
    """What one member does in a day, in order."""
    told = [referred(who, user_agent="Chrome")]
    for hour in range(12):
        told += [purchased(f"p-{who}-{hour}", who, at(hours=hour)), spent(who, at(hours=hour))]
        told += [acted("private_chat", who, at(hours=hour)), updated(who, at(hours=hour), mask=f"mask{hour}")]
    told += [refunded(f"p-{who}-{hour}", who, at(hours=20)) for hour in range(0, 12, 3)]
    return [*told, privacy(who, at(hours=21), profile_visibility="private")]


@pytest.mark.slow
def test_feeds_settings_and_requests_meet_without_loss_or_deadlock(servers: Servers) -> None:
    stories = [story(f"m{number}") for number in range(MEMBERS)]
    servers.feed(0, *(told[0] for told in stories))
    # The second feed tells of the members in the opposite order, and the same once more.
    onwards = [event for told in zip(*stories, strict=True) for event in told]
    backwards = [event for told in zip(*reversed(stories), strict=True) for event in told]

    def fed(server: int, events: list[dict[str, Any]]) -> list[Posted]:
        return [servers.feed(server, *events[start : start + 60]) for start in range(0, len(events), 60)]

    def changed() -> list[Posted]:
        return [
            servers.set_privacy(
                step % 2, f"m{step % MEMBERS}", affiliate_sharing=step % 3 == 0, mask_visibility="private"
            )
            for step in range(4 * MEMBERS)
        ]

    def asked() -> list[Posted]:
        each = [("objection", {}), ("withdraw_objection", {})]
        return [
            servers.request((step + 1) % 2, f"m{MEMBERS - 1 - step % MEMBERS}", kind, **more)
            for step in range(MEMBERS)
            for kind, more in each
        ]

    one, other, settings, requests = at_once(lambda: fed(0, onwards), lambda: fed(1, backwards), changed, asked)

    assert {status for status, _ in (*one, *other, *settings)} == {200}
    assert {status for status, _ in requests} == {201}
    _every_event_once(servers, stories, [told for _, told in (*one, *other)])
    assert {servers.set_privacy(0, f"m{n}")[1]["mask_visibility"] for n in range(MEMBERS)} == {"private"}
    assert_books_balance(servers.db)


def _every_event_once(servers: Servers, stories: list[list[dict[str, Any]]], told: list[dict[str, Any]]) -> None:
    events = sum(map(len, stories))
    # The registrations were told before, so both feeds repeat them.
    assert sum(report["accepted"] for report in told) == events - MEMBERS
    assert sum(report["duplicates"] for report in told) == events + MEMBERS
    assert [error for report in told for error in report["errors"]] == []
    assert servers.count(applied_event.c.digest) == events
    assert servers.count(ledger_entry.c.number) == MEMBERS * (12 + 4)


def test_a_feed_waits_for_whoever_is_changing_its_member(servers: Servers) -> None:
    """R10, R62, contract §9: an opt-out that is under way is later than what the feed tells."""
    servers.feed(0, referred("m1"))
    told = (purchased("p1", "m1", at(hours=1)), privacy("m1", at(hours=1), affiliate_sharing=True))

    with ThreadPoolExecutor(1) as pool:
        with servers.db.write.begin() as connection:
            found = find_member(connection, "m1", lock=True)
            assert found is not None
            change_privacy(connection, found.number, PrivacyChange(affiliate_sharing=False), now=at(days=30))
            feeding = pool.submit(servers.feed, 1, *told)
            _wait_for_a_lock(connection)
        assert feeding.result()[1]["accepted"] == 2

    assert servers.count(ledger_entry.c.number, ledger_entry.c.counted) == 0
    assert servers.count(member.c.number, member.c.affiliate_sharing) == 0


def _wait_for_a_lock(connection: Connection) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    until = time.monotonic() + 10
    while connection.exec_driver_sql(waiting).scalar_one() == 0:
        assert time.monotonic() < until, "nobody waits"
        time.sleep(0.01)


def test_erasure_in_the_midst_of_a_feed_refuses_what_comes_after(servers: Servers) -> None:
    told = story("m1")
    servers.feed(0, told[0])

    answers, (erased,) = at_once(
        lambda: [servers.feed(0, event) for event in told[1:]],
        lambda: [servers.request(1, "m1", "erasure")],
    )

    assert erased[0] == 201
    codes = [[error["code"] for error in report["errors"]] for status, report in answers if status == 200]
    assert len(codes) == len(told) - 1
    assert codes[-1] == ["erased_member"]
    assert_books_balance(servers.db)
