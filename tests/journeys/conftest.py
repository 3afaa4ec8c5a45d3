"""One served gateway for the journeys of a test worker, with a webmaster and a tool."""

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from partners.postgres import database
from partners.postgres.database import Database
from partners.registry import partners
from tests.callers import add_caller
from tests.conftest import fresh_database
from tests.factories import add_campaign
from tests.journeys.browsing import CHROMIUM, at_home, is_complaint
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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium; while it is there, nothing else can run an event loop."""
    with warnings.catch_warnings(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page without scripts; whatever the content security policy stops is a failure."""
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 1000, "height": 900})
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if is_complaint(message.text) else None)
    opened.on("request", lambda request: complaints.append(request.url) if not at_home(request.url) else None)
    yield opened
    context.close()
    assert complaints == []


@pytest.fixture(scope="session")
def shots(pytestconfig: pytest.Config) -> Path:
    """Where pictures of the pages are kept, to be looked at."""
    made = pytestconfig.rootpath / "var" / "screenshots"
    made.mkdir(parents=True, exist_ok=True)
    return made
