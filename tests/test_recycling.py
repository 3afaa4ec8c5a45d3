"""Whatever a test did to the database, the next one finds it as it was made."""

from collections.abc import Iterator
from contextlib import suppress
from threading import Event, Thread

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from tests.conftest import fresh_database
from tests.factories import add_partner, dump
from tests.recycling import Recycled, recycled


@pytest.fixture(scope="module")
def used(cluster: str, template: str) -> Iterator[Recycled]:
    with fresh_database(cluster, template) as url, recycled(url) as made:
        yield made


def contents(used: Recycled) -> str:
    with used.superuser.connect() as connection:
        return dump(connection)


def sql(used: Recycled, statement: str) -> None:
    with used.superuser.connect() as connection:
        connection.execute(text(statement))


def test_rows_are_gone_and_numbers_begin_anew(used: Recycled) -> None:
    before, numbers = contents(used), []

    for _ in range(2):
        with used.tests.write.begin() as connection:
            numbers.append(add_partner(connection, "w1"))
        assert contents(used) != before
        assert used.empty()
        assert contents(used) == before

    assert numbers[0] == numbers[1]


def test_connections_stay_open(used: Recycled) -> None:
    def process() -> int:
        with used.gateway.write.connect() as connection:
            number: int = connection.scalar(text("SELECT pg_backend_pid()"))
        return number

    first = process()

    assert used.empty()
    assert process() == first


def test_what_a_test_left_running_is_ended(used: Recycled) -> None:
    ended, begun = Event(), Event()

    def left() -> None:
        with suppress(OperationalError), used.tests.write.begin() as connection:
            add_partner(connection, "w1")
            begun.set()
            connection.execute(text("SELECT pg_sleep(30)"))
        ended.set()

    before, thread = contents(used), Thread(target=left)
    thread.start()
    begun.wait(5)

    assert used.empty()
    assert ended.wait(5)
    assert contents(used) == before
    thread.join()


def test_a_connection_that_a_test_broke_is_replaced(used: Recycled) -> None:
    with used.tests.write.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    sql(used, f"SELECT pg_terminate_backend({pid}, 5000)")

    assert used.empty()
    with used.tests.write.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "REVOKE INSERT ON access_log FROM gateway_write",
        "DROP TABLE alembic_version",
        "ALTER TABLE member ADD CONSTRAINT broken CHECK (id <> 'm2')",
        "UPDATE alembic_version SET version_num = version_num",
        "DELETE FROM policy_version",
    ],
)
def test_what_is_more_than_rows_is_not_used_again(cluster: str, template: str, statement: str) -> None:
    with fresh_database(cluster, template) as url, recycled(url) as used:
        assert used.empty()
        sql(used, "SET session_replication_role = replica")
        sql(used, statement)
        assert not used.empty()


@pytest.mark.slow
def test_what_grew_large_is_not_used_again(cluster: str, template: str) -> None:
    with fresh_database(cluster, template) as url, recycled(url) as used:
        with used.tests.write.begin() as connection:
            add_partner(connection, "w1", name="x" * 100)
        sql(
            used,
            "INSERT INTO partner OVERRIDING SYSTEM VALUE SELECT (jsonb_populate_record("
            "p, jsonb_build_object('id', n::text, 'number', n + 9))).* FROM partner p, generate_series(1, 20000) n",
        )
        assert not used.empty()
