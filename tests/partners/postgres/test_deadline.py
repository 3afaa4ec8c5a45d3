"""Deadlines kept on this side: over a real server that is made to be slow."""

import time
from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError

from partners.postgres import deadline
from partners.postgres.database import Database
from partners.postgres.deadline import HANGS_AFTER_S, MOST_UNANSWERED, SILENCE_S, DeadlineError, Silence

OURS = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()"


@pytest.fixture(autouse=True)
def lifted() -> Iterator[None]:
    yield
    deadline.lift()


def take(db: Database, seconds: float) -> None:
    with db.write.connect() as connection:
        connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})


def test_a_slow_answer_is_given_up_and_its_connection_thrown_away(db: Database) -> None:
    deadline.allow(0.4)
    begun = time.monotonic()

    with pytest.raises(OperationalError) as failed:
        take(db, 30)

    assert time.monotonic() - begun < 1
    assert isinstance(failed.value.orig, DeadlineError)
    deadline.allow(2)
    take(db, 0)


def test_what_nobody_waits_for_is_stopped(db: Database) -> None:
    deadline.allow(0.3)
    with pytest.raises(OperationalError):
        take(db, 30)
    deadline.lift()

    until = time.monotonic() + 5
    with db.release.engine.connect() as connection:
        while connection.execute(text(OURS)).scalar_one():
            assert time.monotonic() < until
            time.sleep(0.1)


def test_waits_add_up_and_nothing_else_does(db: Database) -> None:
    take(db, 0)
    deadline.allow(0.6)
    take(db, 0.4)
    time.sleep(0.5)
    take(db, 0)

    with pytest.raises(OperationalError):
        take(db, 0.4)


def test_patience_can_be_renewed_and_lifted(db: Database) -> None:
    take(db, 0)
    deadline.allow(0.6)
    take(db, 0.4)
    deadline.renew()
    take(db, 0.4)
    deadline.lift()
    take(db, 1)


def test_a_fault_that_the_server_reports_keeps_its_name_and_the_connection(db: Database) -> None:
    deadline.allow(2)
    with db.write.connect() as connection:
        with pytest.raises(ProgrammingError):
            connection.execute(text("SELECT nothing_of_this_name"))
        connection.rollback()
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_a_database_that_answers_nothing_is_left_alone_for_a_while() -> None:
    silence = Silence()
    for _ in range(MOST_UNANSWERED):
        silence.asked(100.0)

    with pytest.raises(DeadlineError):
        silence.asked(100.1 + HANGS_AFTER_S)
    silence.asked(100.1 + HANGS_AFTER_S + SILENCE_S)


def test_one_answer_is_enough_to_ask_on() -> None:
    silence = Silence()
    for _ in range(2 * MOST_UNANSWERED):
        silence.asked(100.0)
    silence.answered()

    silence.asked(100.1 + HANGS_AFTER_S)


def test_few_questions_without_an_answer_tell_nothing_yet() -> None:
    silence = Silence()
    silence.asked(100.0)

    silence.asked(100.1 + HANGS_AFTER_S)
