"""A database is ready if it can be reached and written, is migrated to the head, and has partitions ahead."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from gateway.readiness import Lack, lack_of
from partners.postgres import database
from partners.postgres.database import Role
from partners.postgres.embedded import embedded_postgres

TODAY = datetime.now(UTC)


def as_owner(url: str, statement: str) -> None:
    engine = database.owner(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_a_prepared_database_lacks_nothing(database_url: str) -> None:
    assert lack_of(database_url, now=TODAY) is None


def test_an_unreachable_one_lacks_the_connection(database_url: str) -> None:
    absent = make_url(database_url).set(database="nowhere")

    assert lack_of(absent, now=TODAY) is Lack.CONNECTION


@pytest.mark.parametrize(
    "statement", ["DROP TABLE alembic_version", "UPDATE alembic_version SET version_num = 'older'"]
)
def test_one_at_another_migration_lacks_migrations(database_url: str, statement: str) -> None:
    as_owner(database_url, statement)

    assert lack_of(database_url, now=TODAY) is Lack.MIGRATIONS


@pytest.mark.parametrize(
    "lost",
    [
        "INSERT ON access_log FROM gateway_write",
        "SELECT ON alembic_version FROM gateway_write",
        "INSERT ON access_log FROM gateway_release",
        "INSERT ON access_subject_block FROM gateway_release",
        "SELECT ON partner FROM gateway_release",
        "SELECT ON grant_family FROM gateway_release",
    ],
)
def test_whoever_releases_and_whoever_writes_must_have_the_rights_for_it(database_url: str, lost: str) -> None:
    as_owner(database_url, f"REVOKE {lost}")

    assert lack_of(database_url, now=TODAY) is Lack.RIGHTS


@pytest.mark.parametrize("role", [Role.WRITE, Role.RELEASE])
def test_a_login_that_may_not_take_on_a_role_lacks_rights(database_url: str, role: Role) -> None:
    (other,) = {Role.WRITE, Role.RELEASE} - {role}
    as_owner(database_url, f"CREATE ROLE half LOGIN IN ROLE {other}")
    try:
        assert lack_of(make_url(database_url).set(username="half"), now=TODAY) is Lack.RIGHTS
    finally:
        as_owner(database_url, "DROP ROLE half")


def test_a_server_that_never_had_a_gateway_lacks_migrations(reachable: Path) -> None:
    with embedded_postgres(reachable) as url:
        assert lack_of(url, now=TODAY) is Lack.MIGRATIONS


@pytest.mark.parametrize("statement", ["DROP TABLE", "ALTER TABLE access_network DETACH PARTITION"])
def test_the_next_month_must_have_its_partitions_already(database_url: str, statement: str) -> None:
    following = (TODAY.replace(day=1) + timedelta(days=32)).strftime("%Y_%m")
    as_owner(database_url, f"{statement} access_network_{following}")

    assert lack_of(database_url, now=TODAY) is Lack.PARTITIONS


def test_months_ahead_the_partitions_run_out(database_url: str) -> None:
    assert lack_of(database_url, now=TODAY + timedelta(days=200)) is Lack.PARTITIONS
