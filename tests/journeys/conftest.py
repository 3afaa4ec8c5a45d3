"""One served gateway for the journeys of a test worker, with a webmaster and a tool."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from partners import database
from partners.database import Database
from partners.registry import partners
from tests.callers import add_caller
from tests.conftest import fresh_database
from tests.factories import add_campaign
from tests.journeys.serving import Server, free_port, served
from tests.journeys.tracking import Tool, Visitor, add_person, add_tool


@pytest.fixture(scope="session")
def served_url(cluster: str, template: str) -> Iterator[str]:
    """The URL of the database that it serves."""
    with fresh_database(cluster, template) as url:
        yield url


@pytest.fixture(scope="session")
def stored(served_url: str) -> Iterator[Database]:
    """Engines on that database, for what an operator does."""
    engines = database.connect(served_url)
    yield engines
    engines.dispose()


@pytest.fixture(scope="session")
def log_directory() -> Iterator[Path]:
    """Where the server's log is."""
    with tempfile.TemporaryDirectory(prefix="gateway-journey-") as made:
        yield Path(made)


@pytest.fixture(scope="session")
def server(served_url: str, log_directory: Path) -> Iterator[Server]:
    """The gateway, in processes of its own; its issuer is its own address, as clients that discover it need."""
    port = free_port()
    with served(served_url, log_directory, port=port, GATEWAY_ISSUER=f"http://127.0.0.1:{port}") as running:
        yield running


@pytest.fixture(scope="session")
def anna(stored: Database, server: Server) -> Visitor:
    """Somebody of the webmaster w1, signed in."""
    add_caller(stored)
    with stored.write.begin() as connection:
        add_campaign(connection, partners.get(connection, "w1").number, "spring")
    return add_person(stored, server.url, "w1", "anna@w1")


@pytest.fixture(scope="session")
def tool(stored: Database, server: Server) -> Tool:
    """A tracker's client."""
    return add_tool(stored, server.url)
