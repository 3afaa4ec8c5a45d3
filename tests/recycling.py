"""A database that one test after another finds empty: emptying one takes a tenth of what making one takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from psycopg import Connection, connect
from sqlalchemy import Engine, create_engine, event, make_url

from partners.postgres import database
from partners.postgres.database import Database

_MOST_BYTES = 1 << 20
"""A table that grew larger is not worth emptying; what was deleted from one counts too."""
# Kept where neither the gateway's tables nor its roles are. Whatever changes more than rows leaves a mark.
_PREPARATION = """
CREATE SCHEMA recycling;
CREATE TABLE recycling.mark (what text);
CREATE FUNCTION recycling.mark() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS
    $$BEGIN INSERT INTO recycling.mark VALUES (tg_tag); END$$;
CREATE TABLE recycling.held AS
    SELECT c.oid AS number, format('%I.%I', n.nspname, c.relname) AS name,
        pg_relation_size(c.oid) > 0 AS seeded, NULL::text AS rows
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname NOT IN ('recycling', 'information_schema') AND n.nspname NOT LIKE 'pg_%';
CREATE TABLE recycling.counter AS
    SELECT format('%I.%I', schemaname, sequencename)::regclass AS number, coalesce(last_value, start_value) AS value,
        last_value IS NOT NULL AS used
    FROM pg_sequences WHERE schemaname <> 'recycling';
CREATE FUNCTION recycling.rows(name text) RETURNS text LANGUAGE plpgsql AS
    $$DECLARE rows text; BEGIN
        EXECUTE format('SELECT coalesce(string_agg(ctid || '' '' || xmin, '' '' ORDER BY ctid), '''') FROM %s', name)
            INTO rows;
        RETURN rows;
    END$$;
CREATE FUNCTION recycling.empty(most_bytes bigint) RETURNS boolean LANGUAGE plpgsql AS
    $$DECLARE one record; BEGIN
        IF EXISTS (SELECT FROM recycling.mark) THEN RETURN false; END IF;
        FOR one IN SELECT name, seeded, rows, bytes FROM recycling.held, pg_relation_size(number) bytes
            WHERE seeded OR bytes > 0
        LOOP
            IF one.seeded AND recycling.rows(one.name) <> one.rows OR one.bytes > most_bytes THEN RETURN false; END IF;
            IF NOT one.seeded THEN EXECUTE 'DELETE FROM ' || one.name; END IF;
        END LOOP;
        PERFORM setval(number, value, used) FROM recycling.counter;
        RETURN true;
    END$$;
UPDATE recycling.held SET rows = recycling.rows(name), seeded = recycling.rows(name) <> '' WHERE seeded;
CREATE EVENT TRIGGER mark_changes ON ddl_command_end EXECUTE FUNCTION recycling.mark();
ALTER EVENT TRIGGER mark_changes ENABLE ALWAYS;
"""
# The gateway's triggers forbid to delete from the log.
_AS_ITS_MAKER = "-c session_replication_role=replica -c synchronous_commit=off"
_OTHERS = """
SELECT pid, state = 'idle' FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True)
class Recycled:
    """A database and engines on it that stay open from one test to the next."""

    url: str
    tests: Database
    """What tests reach it by."""
    gateway: Database
    """What the gateway under test reaches it by."""
    sealer: Engine
    superuser: Engine
    """In autocommit."""
    _maker: Connection
    connections: set[int] = field(default_factory=set)
    """The server's processes for connections of all these."""

    @property
    def engines(self) -> list[Engine]:
        pooled = (lanes.engine for held in (self.tests, self.gateway) for lanes in (held.release, held.sums))
        return [*pooled, self.tests.write, self.gateway.write, self.sealer, self.superuser]

    def dispose(self) -> None:
        """Close every connection that is not in use."""
        self.tests.dispose()
        self.gateway.dispose()
        self.sealer.dispose()
        self.superuser.dispose()

    def empty(self) -> bool:
        """Leave it as it was made; return whether that could be: not where a test changed more than rows, or many."""
        self._end_connections()
        row = self._maker.execute("SELECT recycling.empty(%s)", [_MOST_BYTES]).fetchone()
        return row is not None and row[0]

    def _end_connections(self) -> None:
        """End connections that tests left behind, and ours too where a test did something to one of them."""
        idle = dict(self._maker.execute(_OTHERS).fetchall())
        if not all(idle.get(pid) for pid in self.connections):
            self.dispose()
            self.connections.clear()
        for pid in idle.keys() - self.connections:
            self._maker.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


@contextmanager
def recycled(url: str) -> Iterator[Recycled]:
    """Prepare the empty, migrated database at `url` for many tests."""
    with connect(url, autocommit=True, options=_AS_ITS_MAKER) as maker:
        maker.execute(_PREPARATION)
        superuser = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", pool_size=8
        )
        made = Recycled(url, database.connect(url), database.connect(url), database.sealer(url), superuser, maker)
        for engine in made.engines:
            _note(engine, made.connections)
        yield made
        made.dispose()


def _note(engine: Engine, pids: set[int]) -> None:
    @event.listens_for(engine, "connect")
    def noted(connection: Connection, _record: object) -> None:
        pids.add(connection.info.backend_pid)
