"""What is sent to the database while something is done: it must not be more the more there is to tell."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event


@contextmanager
def sent(connection: Connection) -> Iterator[list[str]]:
    """Every statement that a connection executes while the block runs; one for many rows is one."""
    found: list[str] = []

    def note(_connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(connection, "before_cursor_execute", note)
