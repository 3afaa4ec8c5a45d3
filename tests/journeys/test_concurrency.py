"""Changes against reads on two servers of one database: every answer is right at some instant between its ends."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import select

from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.registry import key_life, partners, signing_keys
from partners.registry.signing_keys import KeyState
from partners.tables.access import access_log
from partners.vocabulary import PartnerKind
from tests.callers import access_token, add_caller, bearer, model_token
from tests.conftest import SECRET
from tests.factories import add_model, add_relation
from tests.gateway.api.test_webmaster import Webmaster, webmaster
from tests.journeys.serving import served

pytestmark = pytest.mark.slow

MEMBERS = 4
READERS = 6
SECONDS = 5.0
STOPPED_READERS = 8
STOPS = 8


@dataclass
class History:
    """A state that one thread changes: each of its values, when the change to it began, and when it was answered."""

    first: bool
    changes: list[tuple[bool, float, float]] = field(default_factory=list)

    def change(self, *, state: bool, make: Callable[[], Any]) -> None:
        begun = time.monotonic()
        make()
        self.changes.append((state, begun, time.monotonic()))

    def could_be(self, read: "Read") -> bool:
        """Whether there is an instant between a read's ends at which the state may have been what was seen."""
        states = [(self.first, float("-inf")), *((state, begun) for state, begun, _ in self.changes)]
        gone = [*(answered for _, _, answered in self.changes), float("inf")]
        return any(
            state == read.seen and begun <= read.ended and until >= read.begun
            for (state, begun), until in zip(states, gone, strict=True)
        )


@dataclass(frozen=True)
class Read:
    """One answer: which history it tells of, what it says, and when it was asked and answered."""

    about: str
    seen: bool
    begun: float
    ended: float
    request_id: str


@dataclass
class Reads:
    """What all readers saw."""

    urls: tuple[str, str]
    found: list[Read] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def ask(self, session: requests.Session, path: str, headers: dict[str, str]) -> tuple[Any, float, float]:
        """Ask one server, then the other, in turns."""
        url = self.urls[len(self.found) % 2]
        begun = time.monotonic()
        answer = session.get(url + path, headers=headers, timeout=10)
        return answer, begun, time.monotonic()

    def await_more(self, count: int) -> None:
        """Wait until so many more answers are there."""
        enough, until = len(self.found) + count, time.monotonic() + 20
        while len(self.found) < enough and time.monotonic() < until:
            time.sleep(0.01)

    def run(self, readers: list[Callable[[requests.Session], None]], meanwhile: Callable[[], None]) -> None:
        """Let readers read over and over while something else happens."""

        def loop(read: Callable[[requests.Session], None]) -> None:
            with requests.Session() as session:
                while not self.stop.is_set():
                    read(session)

        threads = [threading.Thread(target=loop, args=(read,)) for read in readers]
        for thread in threads:
            thread.start()
        meanwhile()
        self.stop.set()
        for thread in threads:
            thread.join(timeout=30)


@pytest.fixture
def urls(database_url: str, tmp_path: Path) -> Iterator[tuple[str, str]]:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with served(database_url, first, workers=1) as one, served(database_url, second, workers=1) as other:
        yield one.url, other.url


def recorded(db: Database) -> dict[str, str]:
    with db.write.connect() as connection:
        rows = connection.execute(select(access_log.c.request_id, access_log.c.outcome))
        return {row.request_id: row.outcome for row in rows}


def people(db: Database, w1: Webmaster) -> dict[str, str]:
    """Members that a webmaster referred and a model knows; their refs by id."""
    with db.write.begin() as connection:
        her = add_model(connection, "mdl-1")
    for place in range(MEMBERS):
        number = w1.member(db, f"m{place}", profile_columns={"age": 34}, registered_at=datetime.now(UTC))
        with db.write.begin() as connection:
            add_relation(connection, her, number, favorite=True)
    return {f"m{place}": ref for place, ref in enumerate(row["ref"] for row in w1.rows(sort="registration_date"))}


def test_a_privacy_choice_binds_the_next_request_everywhere(
    db: Database, http: FlaskClient, urls: tuple[str, str]
) -> None:
    w1 = webmaster(db, http, "w1")
    refs = people(db, w1)
    card = bearer(model_token(http, db, add_caller(db, PartnerKind.MODEL_CENTER)))
    platform = bearer(access_token(http, add_caller(db, PartnerKind.PLATFORM)))
    shared = {name: History(first=True) for name in refs}
    shown = {f"age of {name}": History(first=True) for name in refs}
    reads = Reads(urls)

    def change_all() -> None:
        until, turn = time.monotonic() + SECONDS, 0
        while time.monotonic() < until:
            name, on = f"m{turn % MEMBERS}", bool(turn // MEMBERS % 2)
            url = urls[turn % 2]
            visibility = "all_models" if on else "private"
            shared[name].change(state=on, make=patch(url, name, affiliate_sharing=on))
            shown[f"age of {name}"].change(state=on, make=patch(url, name, profile_visibility=visibility))
            turn += 1

    def patch(url: str, name: str, **settings: Any) -> Callable[[], None]:
        def make() -> None:
            path = f"{url}/v1/platform/members/{name}/privacy"
            assert requests.patch(path, json=settings, headers=platform, timeout=10).status_code == 200

        return make

    def read_list(session: requests.Session) -> None:
        answer, *when = reads.ask(session, "/v1/webmaster/members", w1.headers)
        assert answer.status_code == 200
        listed = {row["ref"] for row in answer.json()["data"]}
        reads.found += [Read(name, ref in listed, *when, answer.headers["X-Request-Id"]) for name, ref in refs.items()]

    def read_one(session: requests.Session) -> None:
        name = f"m{len(reads.found) % MEMBERS}"
        answer, *when = reads.ask(session, f"/v1/webmaster/members/{refs[name]}", w1.headers)
        reads.found.append(Read(name, answer.status_code == 200, *when, answer.headers["X-Request-Id"]))

    def read_card(session: requests.Session) -> None:
        name = f"m{len(reads.found) % MEMBERS}"
        answer, *when = reads.ask(session, f"/v1/model/members/user_{name}", card)
        age = answer.json()["data"]["profile"]["age"]
        reads.found.append(Read(f"age of {name}", age is not None, *when, answer.headers["X-Request-Id"]))

    reads.run([read_list, read_one, read_card] * (READERS // 3), change_all)

    histories = shared | shown
    changes = sum(len(history.changes) for history in histories.values())
    assert (changes > 10, len(reads.found) > 10 * MEMBERS) == (True, True)
    assert {(read.about.startswith("age"), read.seen) for read in reads.found} == {
        (age, seen) for age in (True, False) for seen in (True, False)
    }
    assert not [read for read in reads.found if not histories[read.about].could_be(read)]
    assert {read.request_id for read in reads.found} <= recorded(db).keys()


def test_a_stop_binds_the_very_next_request(db: Database, http: FlaskClient, urls: tuple[str, str]) -> None:
    """The partner suspended, and the key revoked that its token is signed with: in turns."""
    w1 = webmaster(db, http, "w1")
    w1.member(db, "m1", registered_at=datetime.now(UTC))
    paths = ("/v1/webmaster/members", "/v1/webmaster/campaigns", "/v1/webmaster/purchases")
    stops, every = (suspend, revoke), list[Read]()

    for turn in range(STOPS):
        headers, history, reads = bearer(access_token(http, w1.caller)), History(first=True), Reads(urls)

        def read(session: requests.Session, reads: Reads = reads, headers: dict[str, str] = headers) -> None:
            answer, *when = reads.ask(session, paths[len(reads.found) % len(paths)], headers)
            reads.found.append(Read("w1", answer.status_code == 200, *when, answer.headers["X-Request-Id"]))

        def stop_and_resume(
            history: History = history, reads: Reads = reads, stop: Callable[[Database], None] = stops[turn % 2]
        ) -> None:
            reads.await_more(STOPPED_READERS)
            history.change(state=False, make=lambda: stop(db))
            reads.await_more(STOPPED_READERS)
            # What was stopped stays dead for its old tokens: resuming is no change of what they see.
            resume(db)
            reads.await_more(STOPPED_READERS)

        reads.run([read] * STOPPED_READERS, stop_and_resume)
        assert {found.seen for found in reads.found} == {True, False}
        assert not [found for found in reads.found if not history.could_be(found)]
        every += reads.found

    outcomes = recorded(db)
    told = {read.request_id for read in every if read.seen}
    assert {outcomes[request] for request in told} <= {"released", "partial", "empty"}
    assert {outcomes[read.request_id] for read in every if not read.seen} == {"denied"}


def suspend(db: Database) -> None:
    with db.write.begin() as connection:
        partners.suspend(connection, "w1")


def revoke(db: Database) -> None:
    with db.write.begin() as connection:
        now = datetime.now(UTC)
        (key,) = (key for key in signing_keys.published(connection, now=now) if key.state is KeyState.ACTIVE)
        key_life.revoke(connection, Keyring(SECRET), key.id, now=now)


def resume(db: Database) -> None:
    with db.write.begin() as connection:
        partners.resume(connection, "w1")
