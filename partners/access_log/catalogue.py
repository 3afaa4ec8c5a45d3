"""The log's tables as the database's catalogue has them: what stands between a row and whoever looks for it."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, text

from partners.access_log.findings import Finding, Kind
from partners.postgres.partitions import PARTITIONED, bounds_of
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
