"""The log's monthly partitions, kept ahead of time."""

from datetime import date, datetime
from itertools import product

from sqlalchemy import Connection, Table, func, select, text

from partners.months import month_of, next_month
from partners.postgres.locks import Lock
from partners.tables.access import access_log, access_network, access_subject, access_subject_block, access_subject_set

PARTITIONED = (access_subject, access_subject_block, access_subject_set, access_network, access_log)
"""The log itself last: while it is there, a month that was left half dropped is found again."""
MONTHS_AHEAD = 3


def make_partitions(connection: Connection, *, now: datetime) -> None:
    """Make what is missing of the monthly partitions from this month to three months ahead.

    Made apart and then attached, so that neither those who read the log nor those who append to it wait.
    """
    connection.execute(select(func.pg_advisory_xact_lock(Lock.PARTITIONING.key)))
    months = [next_month(month_of(now), ahead) for ahead in range(MONTHS_AHEAD + 1)]
    for table, month in product(PARTITIONED, months):
        name = partition_of(table, month)
        if connection.scalar(select(func.to_regclass(name))) is None:
            connection.execute(text(f"CREATE TABLE {name} (LIKE {table.name} INCLUDING ALL)"))
            connection.execute(text(f"ALTER TABLE {table.name} ATTACH PARTITION {name} FOR VALUES {bounds_of(month)}"))


def bounds_of(month: date) -> str:
    """From which instant on and before which one a month's part has its rows, as the database writes it."""
    return f"FROM ('{month} 00:00:00+00') TO ('{next_month(month)} 00:00:00+00')"


def partition_of(table: Table, month: date) -> str:
    """The name of a table's part for a month."""
    return f"{table.name}_{month:%Y_%m}"


def months_of(connection: Connection, table: Table) -> list[date]:
    """The months for which a table has a part, attached or not."""
    names = connection.execute(_NAMED, {"name": rf"^{table.name}_\d{{4}}_\d{{2}}$"}).scalars()
    return [date.fromisoformat(f"{name[-7:-3]}-{name[-2:]}-01") for name in names]


_NAMED = text(
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname ~ :name"
)
