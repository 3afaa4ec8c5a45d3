"""Statements rendered to text once, and executed on the driver itself: the way of every release."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from psycopg import Connection, RawCursor
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Engine, Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

_DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # SQLAlchemy does not type its dialects
Row = Sequence[Any]
_CURSOR = "cursor"


class _Reader(RawCursor[Row]):
    """A cursor for the life of a connection: it remembers how each type is read, and nothing of what was."""

    def take(self) -> list[Row]:
        """Return every row, and let go of them and of the parameters."""
        rows = self.fetchall()
        self._reset()
        self._tx.set_pgresult(None)
        return rows


@dataclass(frozen=True)
class PreparedText:
    """SQL with the server's own `$1`, `$2` …, so that neither SQLAlchemy nor the driver reads it again."""

    sql: bytes
    names: tuple[str, ...]
    """The name of each parameter, in order."""
    constants: Mapping[str, Any]
    """The parameters whose values stand in the statement."""

    def fetch(self, engine: Engine, values: Mapping[str, Any]) -> list[Row]:
        """Execute it in autocommit, prepared on the server, and return every row; raises `psycopg.Error`.

        A connection that broke is not used again, nor are those that were opened before it.
        """
        given = {**self.constants, **values} if self.constants else values
        bound = [given[name] for name in self.names]
        pooled = engine.raw_connection()
        driver = cast("Connection[Row]", pooled.driver_connection)
        try:
            cursor: _Reader | None = pooled.info.get(_CURSOR)
            if cursor is None:
                cursor = pooled.info[_CURSOR] = _Reader(driver)
            return cursor.execute(self.sql, bound, prepare=True).take()
        finally:
            if driver.closed:
                pooled.invalidate()
                engine.dispose()
            pooled.close()

    def fetch_binary(self, connection: SqlConnection, values: Mapping[str, Any]) -> list[Row]:
        """Execute it in a transaction that is open, and return every row; what is read by the million is not text."""
        driver = cast("Connection[Row]", connection.connection.driver_connection)
        given = {**self.constants, **values}
        with RawCursor(driver) as cursor:
            return cursor.execute(self.sql, [given[name] for name in self.names], binary=True).fetchall()


def prepare_text(statement: Select[Any]) -> PreparedText:
    """Render a statement; its parameters without a value are those to be given at each execution."""
    compiled = statement.compile(dialect=_DIALECT)
    constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
    return PreparedText(str(compiled).encode(), tuple(compiled.positiontup or ()), constants)
