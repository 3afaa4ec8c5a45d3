"""The database as a whole: every column classified, migrations equal to the tables, and roles that may do little."""

from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Column, Engine, LargeBinary, Text, select, text
from sqlalchemy.exc import ProgrammingError

from gateway.preparation import migrate, prepare
from migrations.inclusion import include
from partners.postgres import database
from partners.postgres.database import Database, Role
from partners.postgres.partitions import PARTITIONED
from partners.tables import metadata
from partners.tables.access import access_log
from partners.tables.activity import ledger_entry
from partners.tables.member import member, member_stamp
from partners.tables.partner import client_secret
from partners.vocabulary import FORBIDDEN_NAMES
from serializers.policies import POLICIES
from serializers.policy.grants import columns_read
from serializers.statements import every_statement
from tests.conftest import NOW, fresh_database

CLASSES = {"shared": {"rule"}, "personal": {"kept"}, "internal": set()}
OWN_OF_THE_WEBMASTER = {"ref", "referral.campaign", "campaign"}
RECORDS = (*(table.name for table in PARTITIONED), "policy_version", "operator_act")


def test_every_column_says_what_it_is() -> None:
    for table in metadata.sorted_tables:
        for column in table.c:
            kind = column.info.get("class")
            assert kind in CLASSES, f"{table.name}.{column.name}"
            assert column.info.keys() == {"class"} | CLASSES[kind], f"{table.name}.{column.name}"


def test_no_column_has_a_forbidden_name() -> None:
    """R2: what the gateway does not hold it cannot leak; the log's own network data is not the members'."""
    names = {f"{table.name}.{column.name}" for table in metadata.sorted_tables for column in table.c}

    assert {name for name in names if name.partition(".")[2] in FORBIDDEN_NAMES} == {"access_network.ip"}


def test_policies_disclose_only_columns_classified_as_shared() -> None:
    for policy in POLICIES:
        for field in policy.fields:
            for name, value in field.columns():
                for column in value.base_columns:
                    info: dict[str, Any] = getattr(column, "info", {})
                    if info and name not in OWN_OF_THE_WEBMASTER:
                        assert info["class"] == "shared", name


def test_migrations_make_exactly_the_tables(database_url: str) -> None:
    engine = database.owner(database_url)
    with engine.connect() as connection:
        options = {"include_object": include, "compare_type": True}
        differences = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    engine.dispose()

    assert differences == []


@pytest.mark.parametrize("column", [member.c.id, member_stamp.c.stamp, ledger_entry.c.reason, client_secret.c.digest])
def test_the_releasing_role_reads_nothing_but_what_releases_need(db: Database, column: Any) -> None:
    with db.release.engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(select(column))


def test_the_releasing_role_reads_every_column_releases_need(db: Database) -> None:
    with db.release.engine.connect() as connection:
        for table, columns in columns_read(every_statement()).items():
            if table not in RECORDS:
                connection.execute(text(f"SELECT {', '.join(columns)} FROM {table} LIMIT 1"))


@pytest.mark.parametrize("table", RECORDS)
@pytest.mark.parametrize(
    "change", ["UPDATE {table} SET {column} = {column}", "DELETE FROM {table}", "TRUNCATE {table}"]
)
def test_no_role_changes_or_removes_a_record(db: Database, table: str, change: str) -> None:
    column = "version" if table == "policy_version" else "at"
    for engine in (db.release.engine, db.write):
        assert_refused(engine, change.format(table=table, column=column))


def test_the_releasing_role_cannot_even_read_the_log(db: Database) -> None:
    with db.release.engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(select(access_log.c.leaf))


def test_neither_role_is_a_superuser(db: Database) -> None:
    """A superuser would ignore every grant."""
    for engine in (db.release.engine, db.write):
        with engine.connect() as connection:
            asked = text("SELECT rolsuper OR rolcreaterole OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            assert connection.scalar(asked) is False


_GRANTED = """
SELECT grantee, table_name, NULL, privilege_type FROM information_schema.table_privileges WHERE grantee = ANY (:roles)
UNION SELECT grantee, table_name, column_name, privilege_type FROM information_schema.column_privileges
WHERE grantee = ANY (:roles)
"""


def test_what_is_given_back_at_every_upgrade_is_what_migrations_gave(cluster: str) -> None:
    """All but this: no running gateway says which migration its database is at."""
    with fresh_database(cluster, "template0") as url:
        engine = database.owner(url)
        migrate(engine, now=NOW)
        migrated = _granted(engine)
        prepare(engine, now=NOW)
        prepared = _granted(engine)
        engine.dispose()

    assert prepared <= migrated
    lost = {(role, table, right) for role, table, _, right in migrated - prepared}
    assert lost == {(Role.WRITE, "alembic_version", right) for right in ("INSERT", "UPDATE", "DELETE")}


def _granted(engine: Engine) -> set[tuple[Any, ...]]:
    with engine.connect() as connection:
        return {tuple(row) for row in connection.execute(text(_GRANTED), {"roles": [Role.WRITE, Role.SEAL]})}


def test_a_record_is_durable_before_it_is_answered(db: Database) -> None:
    for engine in (db.release.engine, db.write):
        with engine.connect() as connection:
            assert connection.scalar(text("SHOW synchronous_commit")) == "on"


def test_partitions_are_made_ahead(db: Database) -> None:
    asked = text("SELECT count(*) FROM pg_inherits WHERE inhparent = 'access_log'::regclass")
    with db.write.connect() as connection:
        assert connection.scalar(asked) == 4


def assert_refused(engine: Engine, statement: str) -> None:
    with engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text(statement))


WORDS = {
    "action", "country", "currency", "device_browser", "device_os", "device_type", "feature", "reason", "site", "type",
}  # fmt: skip
"""Columns about members whose words thousands have alike; so has every visibility."""


def test_the_planner_samples_nothing_by_which_a_person_could_be_told(database_url: str) -> None:
    """R18, R22, R50: what it has sampled outlives the row and every vacuum."""
    about_members = (column for table in metadata.sorted_tables for column in table.c if _can_tell_a_person(column))
    engine = database.owner(database_url)
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT attrelid::regclass || '.' || attname FROM pg_attribute WHERE attstattarget = 0")
        ).scalars()
        assert set(found) == {str(column) for column in about_members}
    engine.dispose()


def _can_tell_a_person(column: Column[Any]) -> bool:
    if column.info["class"] == "internal" or not isinstance(column.type, Text | LargeBinary | JSON):
        return False
    return not isinstance(column.type, Text) or not (column.name in WORDS or column.name.endswith("_visibility"))
