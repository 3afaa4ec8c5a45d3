"""Sinks are one worker's at a time; how far they have come is asked once, however many they are."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection

from partners.access_log import following, sinks
from partners.access_log.sinks import LEASE, Sink, Wanted
from partners.keyring import Keyring
from partners.registry import RegistryError
from tests.conftest import SECRET
from tests.partners.access_log.logs import Log
from tests.round_trips import sent


def test_all_sinks_are_asked_about_at_once(log: Log) -> None:
    log.grow(3)
    log.add(operation=following.PUSHED)
    log.seal()
    places = {"behind": -1, "near": 1, "no_news": 2, "there": 3}
    for name, after in places.items():
        with log.engines.write.begin() as connection:
            sinks.add(
                connection,
                Wanted(name, "https://siem.example", "ndjson", is_signed=False, after=after),
                Keyring(SECRET),
            )
    log.sql(
        "INSERT INTO log_sink_refusal (sink, index, status, at) VALUES ('near', 1, 400, now()), ('near', 0, 400, now())"
    )

    with log.engines.write.begin() as connection, sent(connection) as statements:
        found = sinks.standings(connection)
    with log.engines.write.begin() as connection, sent(connection) as of_the_size:
        following.size(connection)

    at = [row.at for row in log.sql("SELECT at FROM sealed_leaf ORDER BY index")]
    assert [(each.row.name, each.waiting, each.waiting_since, list(each.refused)) for each in found] == [
        ("behind", 4, at[0], []),
        ("near", 2, at[2], [0, 1]),
        ("no_news", 1, None, []),
        ("there", 0, None, []),
    ]
    assert len(statements) == len(of_the_size) + 1


@pytest.fixture
def registered(log: Log) -> Log:
    """A log of three entries, and a sink that has none of them."""
    log.grow(3)
    with log.engines.write.begin() as connection:
        sinks.add(connection, Wanted("siem", "https://siem.example", "ndjson", is_signed=False), Keyring(SECRET))
    return log


def lease(log: Log, after: timedelta = timedelta(0)) -> Sink | None:
    with log.engines.write.begin() as connection:
        return sinks.lease(connection, now=datetime.now(UTC) + after, heartbeat=timedelta(days=1))


def test_a_sink_is_one_worker_s_until_its_lease_runs_out(registered: Log) -> None:
    assert lease(registered) is not None
    assert lease(registered) is None
    assert lease(registered, LEASE + timedelta(seconds=1)) is not None


def test_a_sink_that_failed_is_left_alone_until_its_time(registered: Log) -> None:
    sink = lease(registered)
    assert sink is not None
    with registered.engines.write.begin() as connection:
        sinks.postpone(connection, sink, "HTTP 500", until=datetime.now(UTC) + timedelta(minutes=5))

    assert lease(registered, timedelta(minutes=4)) is None
    assert lease(registered, timedelta(minutes=6)) is not None


def test_a_sink_that_is_rewound_has_no_batch_under_way(registered: Log) -> None:
    sink = lease(registered)
    assert sink is not None
    with registered.engines.write.begin() as connection:
        assert sinks.begin(connection, sink, 0, now=datetime.now(UTC))
        sinks.rewind(connection, "siem", 1)
        (standing,) = sinks.standings(connection)

    assert (standing.row.position, standing.row.sending) == (1, None)


def test_a_sink_begins_after_no_entry_that_is_not_sealed(registered: Log) -> None:
    with registered.engines.write.begin() as connection:
        sinks.rewind(connection, "siem", 2)
        for after in (3, -2):
            with pytest.raises(RegistryError, match="no sealed entry"):
                sinks.rewind(connection, "siem", after)


def test_a_worker_that_goes_on_with_a_sink_keeps_it_to_itself(registered: Log) -> None:
    sink, step = lease(registered), LEASE * 2 / 3
    assert sink is not None
    with registered.engines.write.begin() as connection:
        sinks.begin(connection, sink, 0, now=datetime.now(UTC) + step)
    assert lease(registered, 2 * step) is None
    with registered.engines.write.begin() as connection:
        assert sinks.delivered(connection, sink, 0, now=datetime.now(UTC) + 2 * step)

    assert lease(registered, 3 * step) is None


def test_of_two_workers_that_look_at_once_one_has_the_sink(registered: Log) -> None:
    with ThreadPoolExecutor() as pool:
        with registered.engines.write.begin() as connection:
            first = sinks.lease(connection, now=datetime.now(UTC), heartbeat=timedelta(days=1))
            second = pool.submit(lease, registered)
            wait_for_lock(registered)
        assert first is not None
        assert second.result(10) is None


def wait_for_lock(log: Log) -> None:
    """Until somebody waits for what another transaction has changed."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    while not log.sql(waiting):
        time.sleep(0.01)


def resume(connection: Connection) -> None:
    sinks.pause(connection, "siem", is_paused=False)


def rewind(connection: Connection) -> None:
    sinks.rewind(connection, "siem", 1)


@pytest.mark.parametrize("act", [resume, rewind])
def test_what_an_operator_sets_going_again_is_tried_at_once(registered: Log, act: Callable[[Connection], None]) -> None:
    sink = lease(registered)
    assert sink is not None
    with registered.engines.write.begin() as connection:
        now = datetime.now(UTC)
        sinks.refused(connection, sink, 422, most=5, until=now + timedelta(minutes=5), now=now)
        act(connection)
        (standing,) = sinks.standings(connection)

    assert standing.row.failures == 0
    assert lease(registered, timedelta(seconds=1)) is not None


def refuse(log: Log, times: int, *, most: int = 3) -> list[bool]:
    """Let an entry be refused some times, each by a worker who has just taken the sink."""
    said = []
    for _ in range(times):
        with log.engines.write.begin() as connection:
            now = datetime.now(UTC)
            sink = sinks.lease(connection, now=now, heartbeat=timedelta(days=1))
            assert sink is not None
            said.append(sinks.refused(connection, sink, 422, most=most, until=now, now=now))
            sinks.release(connection, sink)
    return said


def test_each_entry_that_is_refused_has_all_its_tries(registered: Log) -> None:
    assert refuse(registered, 5) == [False, False, True, False, False]
    with registered.engines.write.begin() as connection:
        sinks.rewind(connection, "siem", 1)

    assert refuse(registered, 3) == [False, False, True]
    refused = registered.sql("SELECT index FROM log_sink_refusal ORDER BY index")
    assert [row.index for row in refused] == [0, 2]


def test_what_a_sink_refuses_that_was_rewound_meanwhile_is_not_passed_over(registered: Log) -> None:
    refuse(registered, 1, most=1)
    sink = lease(registered)
    assert sink is not None
    later = datetime.now(UTC) + timedelta(minutes=5)
    with registered.engines.write.begin() as connection:
        sinks.rewind(connection, "siem", -1)
        assert not sinks.refused(connection, sink, 422, most=1, until=later, now=later)
        sinks.postpone(connection, sink, "HTTP 500", until=later)
        (standing,) = sinks.standings(connection)

    assert (standing.row.position, standing.row.trouble, list(standing.refused)) == (-1, None, [0])
    assert standing.row.next_attempt_at < later
