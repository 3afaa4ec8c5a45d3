"""The releasing role's rights: the columns its prepared statements read, and appending to the log. No more."""

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Alias, Column, Connection, Executable, text

from partners.postgres.database import Role
from partners.postgres.partitions import PARTITIONED
from partners.tables import metadata


def columns_read(statements: Iterable[Executable]) -> dict[str, set[str]]:
    """The columns that statements name, by table."""
    read: dict[str, set[str]] = {}
    # Once: `sorted_tables` sorts anew each time, and there are thousands of elements.
    tables = frozenset(metadata.tables.values())
    for element in _elements(statements):
        if isinstance(element, Column):
            table = element.table.element if isinstance(element.table, Alias) else element.table
            if table in tables:
                read.setdefault(table.name, set()).add(element.name)
    return read


def _elements(statements: Iterable[Executable]) -> Iterator[Any]:
    """What statements are made of, each once: a condition stands in them many times, and so does all it is made of."""
    met: dict[int, Any] = {}
    waiting: list[Any] = list(statements)
    while waiting:
        element = waiting.pop()
        if id(element) not in met:
            met[id(element)] = element
            yield element
            waiting += element.get_children()


def grant_release_role(connection: Connection, statements: Iterable[Executable]) -> None:
    """Make the rights of the releasing role exactly what `statements` need; a new column changes nothing (R1)."""
    appended = {table.name for table in PARTITIONED}
    for table in metadata.sorted_tables:
        connection.execute(text(f"REVOKE ALL ON {table.name} FROM {Role.RELEASE}"))
    for table_name in appended:
        connection.execute(text(f"GRANT INSERT ON {table_name} TO {Role.RELEASE}"))
    for table_name, columns in sorted(columns_read(statements).items()):
        if table_name not in appended:
            listed = ", ".join(sorted(columns))
            connection.execute(text(f"GRANT SELECT ({listed}) ON {table_name} TO {Role.RELEASE}"))
