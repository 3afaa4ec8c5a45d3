"""Whether a database can serve: it can be reached, is fully migrated, and has room for the log and every right."""

from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path

import psycopg
from sqlalchemy import URL, Dialect, make_url
from sqlalchemy.dialects.postgresql import psycopg as driver

import migrations
from partners.months import month_of, next_month
from partners.postgres import deadline
from partners.postgres.database import CONNECT_TIMEOUT_S, Role
from partners.postgres.partitions import PARTITIONED, partition_of
from partners.standing import standing

STATEMENT_TIMEOUT_MS = 800
_CONNECTION = deadline.punctual(1, deadline.Silence())
_RECORD = """
WITH trial AS (SELECT %s::timestamptz AS at, gen_random_uuid() AS id),
network AS (INSERT INTO access_network (at, access, salt) SELECT at, id, id FROM trial),
subject AS (INSERT INTO access_subject (member, at, access, verdict) SELECT 0, at, id, 0 FROM trial),
subject_block AS (
    INSERT INTO access_subject_block (member_bucket, at, access, verdict, member_offsets)
    SELECT 0, at, id, 0, '{}' FROM trial
),
subject_set AS (
    INSERT INTO access_subject_set (member_bucket, at, access, verdict, member_offsets)
    SELECT 0, at, id, 0, '{}' FROM trial
)
INSERT INTO access_log (at, id, request_id, operation, purpose, outcome, status, member_count, verdicts, leaf)
SELECT at, id, '', '', '', '', 0, 0, '[]', decode(repeat('00', 1000), 'hex') FROM trial
"""
"""As large as a record usually is: where it finds room, so does the next one."""
_DIALECT: Dialect = driver.dialect()  # type: ignore[no-untyped-call]
_STANDINGS = [standing(member_rows=rows).compile(dialect=_DIALECT) for rows in (False, True)]
"""What every release asks first."""
_ATTACHED = "SELECT count(*) FROM unnest(%s::text[]) AS name JOIN pg_inherits ON inhrelid = to_regclass(name)"


class Lack(StrEnum):
    """What a database lacks."""

    CONNECTION = "the database cannot be reached"
    MIGRATIONS = "the database is not at this version's migration"
    PARTITIONS = "the access log has no partition for this month and the next"
    WRITING = "the database is read-only"
    RECORDING = "the access log cannot be written"
    RIGHTS = "the login or one of its roles lost its rights"


def lack_of(url: str | URL, *, now: datetime) -> Lack | None:
    """Look at the database with a connection of its own, within three seconds; return what it lacks, or nothing.

    A pool may be exhausted and a pooled connection may hang; a fresh one has a deadline.
    """
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    options = f"-c statement_timeout={STATEMENT_TIMEOUT_MS}"
    try:
        with _CONNECTION.connect(conninfo, connect_timeout=CONNECT_TIMEOUT_S, options=options) as connection:
            return _lack(connection, now)
    except psycopg.errors.InvalidParameterValue:
        # The role does not exist: nobody has ever migrated this database.
        return Lack.MIGRATIONS
    except psycopg.errors.InsufficientPrivilege:
        return Lack.RIGHTS
    except psycopg.Error:
        return Lack.CONNECTION


def _lack(connection: psycopg.Connection, now: datetime) -> Lack | None:
    # Not with the connection's options: what a server refuses while it connects has no code to know it by.
    connection.execute(f"SET ROLE {Role.WRITE}")
    if _scalar(connection, "SELECT pg_is_in_recovery()"):
        return Lack.WRITING
    migrated = _scalar(connection, "SELECT to_regclass('alembic_version') IS NOT NULL")
    if not migrated or _scalar(connection, "SELECT version_num FROM alembic_version") != _head():
        return Lack.MIGRATIONS
    wanted = _partitions(now)
    there = _scalar(connection, _ATTACHED, wanted)
    if there != len(wanted):
        return Lack.PARTITIONS
    return None if _can_record(connection, now) else Lack.RECORDING


def _can_record(connection: psycopg.Connection, now: datetime) -> bool:
    """Try what writers and every release do, and take it back: a locked log and a full disk show in no other way.

    Raise `InsufficientPrivilege` where one of them may not.
    """
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(_RECORD, (now,))
            connection.execute(f"SET LOCAL ROLE {Role.RELEASE}")
            for asked in _STANDINGS:
                connection.execute(asked.string.encode(), dict.fromkeys(asked.params))
            connection.execute(_RECORD, (now,))
    except psycopg.errors.InsufficientPrivilege:
        raise
    except psycopg.Error:
        return False
    return True


def _scalar(connection: psycopg.Connection, query: str, *parameters: object) -> object:
    row = connection.execute(query.encode(), parameters).fetchone()
    return row[0] if row else None


def _partitions(now: datetime) -> list[str]:
    month = month_of(now)
    return [partition_of(table, each) for table in PARTITIONED for each in (month, next_month(month))]


@cache
def _head() -> str:
    """The newest migration, by which its file is named: Alembic would import all of them to tell."""
    files = (Path(migrations.__file__).parent / "versions").glob("[0-9]*.py")
    return max(file.name.partition("_")[0] for file in files)
