"""The log's tables as the database's catalogue has them: what stands between a row and whoever looks for it."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Connection, DateTime, Row, Select, Table, bindparam, func, select, text

from partners.access_log.findings import Finding, Kind
from partners.months import beginning_of, next_month
from partners.postgres.partitions import PARTITIONED, bounds_of, months_of
from partners.tables.access import access_subject, access_subject_block, access_subject_set
from partners.tables.log_key import log_key
from partners.tables.pruning import log_pruning
from partners.tables.sealing import log_checkpoint, sealed_leaf, sealed_node

_WHOLE = (sealed_leaf, sealed_node, log_checkpoint, log_key, log_pruning)


def odd_tables(connection: Connection) -> Iterator[Finding]:
    """Name each table of the log that has what neither the migrations nor `make_partitions` give it."""
    connection.execute(text("SET LOCAL timezone = 'UTC'"))
    connection.execute(text("SET LOCAL datestyle = 'ISO'"))
    tables = {table.name: "p" for table in PARTITIONED} | {table.name: "r" for table in _WHOLE}
    for row in connection.execute(_TABLES, {"tables": list(tables)}):
        is_sound = row.relkind == tables[row.root] if row.is_root else _is_month(row)
        # A name that somebody else gave is not repeated.
        name = row.relname if is_sound else row.root if row.is_root else f"a part of {row.root}"
        yield from (Finding(Kind.TABLE_CHANGED, f"{name} has {what}") for what in row.has)
        if not is_sound:
            yield Finding(Kind.TABLE_CHANGED, f"{name} is {'no such table' if row.is_root else 'not that of a month'}")


def _is_month(row: Row[Any]) -> bool:
    """Whether a partition is what `make_partitions` makes of a month."""
    found = re.fullmatch(rf"{row.root}_(\d{{4}})_(\d{{2}})", row.relname)
    try:
        month = date(int(found[1]), int(found[2]), 1) if found else None
    except ValueError:
        return False
    return month is not None and row.relkind == "r" and row.bounds == f"FOR VALUES {bounds_of(month)}"


def hidden_rows(connection: Connection) -> Iterator[Finding]:
    """Name the tables with rows of members that no search for a member finds, for it goes by their index and month."""
    for table in (access_subject, access_subject_block, access_subject_set):
        _read_by(connection, "enable_seqscan")
        found = 0
        for month in months_of(connection, table):
            # Whatever its first column may be: the others of its indexes do not have it.
            bounds = {"least": _LEAST, "since": beginning_of(month), "until": beginning_of(next_month(month))}
            found += connection.execute(_by_index(table), bounds).scalar_one()
        _read_by(connection, "enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan")
        hidden = connection.execute(select(func.count()).select_from(table)).scalar_one() - found
        if hidden:
            yield Finding(Kind.TABLE_CHANGED, f"{table.name} and its index differ by {abs(hidden)} rows")


def _read_by(connection: Connection, *other_than: str) -> None:
    for way in ("enable_seqscan", "enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"):
        connection.execute(text(f"SET LOCAL {way} = {'off' if way in other_than else 'on'}"))


def _by_index(table: Table) -> Select[int]:
    first, at = next(iter(table.primary_key)), table.c.at
    bounds = [bindparam(name, type_=DateTime(timezone=True)) for name in ("since", "until")]
    within = (first >= bindparam("least", type_=first.type), at >= bounds[0], at < bounds[1])
    return select(func.count()).select_from(table).where(*within)


_LEAST = -(2**31)
"""A lower number no member has, and no bucket."""
_TABLES = text("""
    WITH RECURSIVE part (root, id, is_root) AS (
        SELECT name, name::regclass::oid, true FROM unnest(CAST(:tables AS text[])) AS name
        UNION ALL
        SELECT root, inhrelid, false FROM part JOIN pg_inherits ON inhparent = part.id
    )
    SELECT
        root, is_root, relname, relkind::text, pg_get_expr(relpartbound, pg_class.oid) AS bounds,
        array_remove(ARRAY[
            CASE WHEN relrowsecurity OR relforcerowsecurity OR EXISTS (
                SELECT FROM pg_policy WHERE polrelid = pg_class.oid
            ) THEN 'row security' END,
            CASE WHEN EXISTS (SELECT FROM pg_rewrite WHERE ev_class = pg_class.oid) THEN 'a rule' END,
            CASE WHEN EXISTS (
                SELECT FROM pg_trigger WHERE tgrelid = pg_class.oid AND NOT tgisinternal
            ) THEN 'a trigger' END,
            CASE WHEN EXISTS (
                SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisvalid AND NOT (indisready AND indislive)
            ) THEN 'an index without new rows' END
        ], NULL) AS has
    FROM part JOIN pg_class ON pg_class.oid = part.id
    ORDER BY root, is_root DESC, relname
""")
