"""Statements rendered to text once, and executed on the driver itself: the way of every release."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from psycopg import Connection, RawCursor
from psycopg.adapt import Loader
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Engine, Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

_DIALECT = PGDialect_psycopg(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # SQLAlchemy does not type its dialects
Row = Sequence[Any]
_ROWS_AT_ONCE = 128
"""Of a stream: more are cold again when their turn comes."""


class _Reader(RawCursor[Row]):
    """A cursor for the life of a connection: it remembers how each type is read, and nothing of what was."""

    def take(self) -> list[Row]:
        """Return every row, and let go of them and of the parameters."""
        rows = self.fetchall()
        self._reset()
        self._tx.set_pgresult(None)
        return rows


class _Json(Loader):
    """JSON read by orjson itself: the driver's own loader copies each value first."""

    load = staticmethod(orjson.loads)  # type: ignore[assignment]  # takes text besides


class _Lane:
    """A connection out of an engine's pool, and its cursor."""

    def __init__(self, engine: Engine) -> None:
        self.pool = engine.pool
        self.pooled = engine.raw_connection()
        self.driver = cast("Connection[Row]", self.pooled.driver_connection)
        self.reader = _Reader(self.driver)
        self.reader.adapters.register_loader("jsonb", _Json)


@dataclass(frozen=True)
class Lanes:
    """Connections that execute prepared texts, in autocommit.

    What was used last is used next: few connections at the server stay warm, instead of all of them getting cold in
    turns. As many are open as `engine` allows.
    """

    engine: Engine
    kept: bool = True
    """Whether a connection stays out of the engine's pool after use; where it does not, the pool looks after it."""
    _idle: deque[_Lane] = field(default_factory=deque)
    _waiting: deque[object] = field(default_factory=deque)

    def take(self) -> _Lane:
        """Return a connection for the caller alone; raise where there is none in time."""
        try:
            return self._idle.pop()
        except IndexError:
            return self._open()

    def give(self, lane: _Lane) -> None:
        """Take a connection back; one that broke is not used again, nor are those that were opened before it."""
        broke = lane.driver.closed
        if broke or lane.pool is not self.engine.pool:
            lane.pooled.invalidate()
            if broke:
                self.dispose()
        elif self.kept:
            self._idle.append(lane)
            if self._waiting:
                self._let_go()
        else:
            lane.pooled.close()

    def dispose(self) -> None:
        """Close every connection that is not in use."""
        while self._idle:
            self._let_go()
        self.engine.dispose()

    def _open(self) -> _Lane:
        self._waiting.append(self)
        try:
            # Whoever gave one back since has not seen that somebody is waiting; whoever does from now on has.
            return self._idle.pop()
        except IndexError:
            return _Lane(self.engine)
        finally:
            self._waiting.pop()

    def _let_go(self) -> None:
        """Give an idle connection back to the pool, where somebody may be waiting for it."""
        try:
            lane = self._idle.pop()
        except IndexError:
            return
        lane.pooled.close()


@dataclass(frozen=True)
class PreparedText:
    """SQL with the server's own `$1`, `$2` …, so that neither SQLAlchemy nor the driver reads it again."""

    sql: bytes
    names: tuple[str, ...]
    """The name of each parameter, in order."""
    constants: Mapping[str, Any]
    """The parameters whose values stand in the statement."""

    def fetch(self, lanes: Lanes, values: Mapping[str, Any]) -> list[Row]:
        """Execute it, prepared on the server, and return every row; raises `psycopg.Error`."""
        given = {**self.constants, **values} if self.constants else values
        bound = [given[name] for name in self.names]
        lane = lanes.take()
        try:
            return lane.reader.execute(self.sql, bound, prepare=True).take()
        finally:
            lanes.give(lane)

    def stream(
        self, connection: SqlConnection, values: Mapping[str, Any], loaders: Mapping[str, type[Loader]]
    ) -> Iterator[Row]:
        """Execute it in a transaction that is open, and yield every row as it comes, each type by its binary loader.

        What is read by the million is not text, and is let go of while it is warm. Raises `psycopg.Error`.
        """
        driver = cast("Connection[Row]", connection.connection.driver_connection)
        given = {**self.constants, **values}
        with RawCursor(driver) as cursor:
            for name, loader in loaders.items():
                cursor.adapters.register_loader(name, loader)
            yield from cursor.stream(self.sql, [given[name] for name in self.names], binary=True, size=_ROWS_AT_ONCE)


def prepare_text(statement: Select[Any]) -> PreparedText:
    """Render a statement; its parameters without a value are those to be given at each execution."""
    compiled = statement.compile(dialect=_DIALECT)
    constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
    return PreparedText(str(compiled).encode(), tuple(compiled.positiontup or ()), constants)
