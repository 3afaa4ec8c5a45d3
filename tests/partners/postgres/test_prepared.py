"""Statements on the driver itself: what they return is held by nobody afterwards, and connections go round."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Text, bindparam, func, literal_column, select

from partners.postgres import database
from partners.postgres.database import Database
from partners.postgres.prepared import prepare_text

CANARY = "canary-5d1e"
_BACKEND = prepare_text(select(literal_column("pg_backend_pid()")))
_SLOW = prepare_text(select(literal_column("pg_backend_pid()"), literal_column("pg_sleep(0.01)")))


def test_a_connection_remembers_nothing_that_was_read(db: Database) -> None:
    said = bindparam("said", type_=Text)
    told = prepare_text(select(said.concat("!").label("said"), func.length(said)))

    rows = [told.fetch(db.release, {"said": CANARY}) for _ in range(3)]

    assert rows == [[(f"{CANARY}!", len(CANARY))]] * 3
    lane = db.release.take()
    assert lane.reader.pgresult is None
    assert lane.reader._query is None  # noqa: SLF001 - what the test is about
    db.release.give(lane)


def test_what_was_used_last_is_used_next(db: Database) -> None:
    first, second = db.release.take(), db.release.take()
    pids = [lane.driver.info.backend_pid for lane in (first, second)]
    db.release.give(first)
    db.release.give(second)

    assert [_BACKEND.fetch(db.release, {})[0][0] for _ in range(3)] == [pids[1]] * 3


def test_more_threads_than_connections_take_turns(database_url: str) -> None:
    engines = database.connect(database_url, pool_size=2)
    with ThreadPoolExecutor(8) as threads:
        rows = list(threads.map(lambda _: _SLOW.fetch(engines.release, {}), range(200)))
    engines.dispose()

    assert len({pid for ((pid, _),) in rows}) <= 2


def test_a_connection_that_broke_is_replaced_and_so_are_those_opened_before(db: Database) -> None:
    lanes = [db.release.take() for _ in range(3)]
    before = {lane.driver.info.backend_pid for lane in lanes}
    for lane in lanes[:2]:
        db.release.give(lane)
    lanes[2].driver.close()
    db.release.give(lanes[2])

    assert _BACKEND.fetch(db.release, {})[0][0] not in before


def test_one_in_use_while_another_broke_is_not_used_again(db: Database) -> None:
    used, broken = db.release.take(), db.release.take()
    before = used.driver.info.backend_pid
    broken.driver.close()
    db.release.give(broken)
    db.release.give(used)

    assert _BACKEND.fetch(db.release, {})[0][0] != before
