"""Statements that write many rows at once: the rows come as one JSON parameter, typed as the table's columns are.

No staging table: nothing of what passes through stays anywhere but in its row (R18).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Insert, Table, Update, column, func, select, true, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.sql.selectable import TableValuedAlias

from partners.feed.parameters import rows_of

CHANGES = "changes"


def insert_rows(table: Table, columns: Sequence[str]) -> Insert:
    """Insert rows, in order."""
    return insert(table).from_select(list(columns), select(_incoming(table, columns)))


def upsert_rows(table: Table, keys: Sequence[str], columns: Sequence[str]) -> Insert:
    """Insert rows, or put them in the place of those with the same keys."""
    statement = insert(table).from_select([*keys, *columns], select(_incoming(table, [*keys, *columns])))
    return statement.on_conflict_do_update(
        index_elements=list(keys), set_={name: statement.excluded[name] for name in columns}
    )


def change_rows(
    table: Table,
    key: str,
    columns: Sequence[str],
    derived: Callable[[FromClause], Mapping[str, ColumnElement[Any]]] = lambda _: {},
) -> Update:
    """Change of each row, given by its key, those columns that its `changes` name.

    Others can be `derived` from what the row is like afterwards; the table's own columns are what it was before.
    """
    rows = rows_of(**{key: table.c[key].type, CHANGES: JSONB()})
    old = table.alias("old")
    changed = (
        func.jsonb_populate_record(old.table_valued(), rows.c[CHANGES])
        .table_valued(*(column(stored.name, stored.type) for stored in table.columns))
        .lateral("changed")
    )
    source = (
        select(*(changed.c[name] for name in (key, *columns)))
        .select_from(rows.join(old, old.c[key] == rows.c[key]).join(changed, true()))
        .subquery("source")
    )
    values = {**{name: source.c[name] for name in columns}, **derived(source)}
    return update(table).where(table.c[key] == source.c[key]).values(values)


def _incoming(table: Table, columns: Sequence[str]) -> TableValuedAlias:
    return rows_of(**{name: table.c[name].type for name in columns})
