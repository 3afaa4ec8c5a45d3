"""The pages in a real Chromium, without scripts and with the keyboard alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page

from partners.people import accounts
from partners.postgres.database import Database
from tests.callers import add_caller
from tests.journeys.browsing import NEEDS_CHROMIUM, code_of, type_in
from tests.journeys.serving import Server
from tests.journeys.tracking import PASSWORD, Tool, add_tool

pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow]


@pytest.fixture(scope="module")
def back() -> Iterator[tuple[str, list[str]]]:
    """The tool's own server: its address, and the queries that browsers brought there."""
    queries: list[str] = []

    class Back(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/back"):
                queries.append(urlsplit(self.path).query)
                assert "Referer" not in self.headers
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<title>Compass</title>")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Back)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/back", queries
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Compass:
    """A tool whose users come back to a port of this machine, and the queries that they brought."""

    tool: Tool
    brought: list[str]

    def asks(self) -> str:
        """The address that it sends its users to."""
        return f"{self.tool.url}/oauth/authorize?{urlencode(self.tool.asks())}"


@pytest.fixture(scope="module")
def compass(stored: Database, server: Server, back: tuple[str, list[str]]) -> Compass:
    """The tool."""
    return Compass(add_tool(stored, server.url, "compass", back[0]), back[1])


@pytest.fixture
def invitation(stored: Database, server: Server) -> str:
    """The address that somebody new was sent."""
    add_caller(stored)
    with stored.write.begin() as connection:
        made = accounts.add(connection, "w1", f"kim{datetime.now(UTC).timestamp()}", now=datetime.now(UTC))
    return f"{server.url}/account/set-up?invitation={made.token}"


def set_up(page: Page, invitation: str) -> str:
    """Take an invitation up by keyboard; return the key of the app."""
    page.goto(invitation)
    factor = page.locator(".key code").inner_text().replace(" ", "")
    type_in(page, PASSWORD, PASSWORD)
    page.keyboard.type(code_of(factor))
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")
    return factor


def test_the_whole_way_by_keyboard_alone(page: Page, compass: Compass, invitation: str, shots: Path) -> None:
    page.goto(invitation)
    page.screenshot(path=shots / "set-up.png", full_page=True)
    factor = set_up(page, invitation)
    page.screenshot(path=shots / "nothing-allowed.png", full_page=True)
    name = page.locator(".who span").inner_text().partition(",")[0]
    page.get_by_role("button", name="Sign out").press("Enter")
    page.wait_for_url("**/sign-in?signed_out=1")

    page.goto(compass.asks())
    page.screenshot(path=shots / "sign-in.png", full_page=True)
    type_in(page, name, PASSWORD)
    page.keyboard.type("000000")
    page.keyboard.press("Enter")
    page.get_by_role("alert").wait_for()
    page.screenshot(path=shots / "sign-in-refused.png", full_page=True)
    assert page.title().startswith("Problem: ")
    assert page.locator("input:focus").get_attribute("name") == "password"
    type_in(page, PASSWORD)
    page.keyboard.type(code_of(factor, 30))
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="Allow Compass to see figures of W1?").wait_for()
    page.screenshot(path=shots / "consent.png", full_page=True)
    page.get_by_role("button", name="Allow", exact=True).press("Enter")
    page.wait_for_url("**/back?*")

    told = parse_qs(compass.brought[-1])
    assert told["state"] == ["a state & more=1"]
    assert compass.tool.redeem(told["code"][0]).status_code == 200

    page.goto(f"{compass.tool.url}/account")
    page.screenshot(path=shots / "allowed.png", full_page=True)
    page.get_by_role("button", name="Withdraw").first.press("Enter")
    page.get_by_role("status").wait_for()
    page.screenshot(path=shots / "withdrawn.png", full_page=True)


def test_denying_leads_back_too(page: Page, compass: Compass, invitation: str) -> None:
    set_up(page, invitation)
    page.goto(compass.asks())

    page.get_by_role("button", name="Do not allow").click()
    page.wait_for_url("**/back?*")

    assert parse_qs(compass.brought[-1])["error"] == ["access_denied"]


def test_every_field_has_a_label_and_every_page_its_landmarks(page: Page, server: Server, invitation: str) -> None:
    for address in (invitation, f"{server.url}/account/sign-in", f"{server.url}/oauth/authorize"):
        page.goto(address)
        tree = page.locator("body").aria_snapshot()

        assert tree.count("- main") == 1, tree
        assert tree.count("- banner") == 1, tree
        assert tree.count("[level=1]") == 1, tree
        for field in page.locator("input:not([type=hidden])").all():
            identifier = field.get_attribute("id")
            assert page.locator(f"label[for={identifier}]").count() == 1
        assert page.locator("html").get_attribute("lang") == "en"


def test_it_fits_a_telephone(chromium: Browser, invitation: str, shots: Path) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(invitation)
    page.screenshot(path=shots / "telephone.png", full_page=True)

    box = page.locator("main").bounding_box()
    context.close()

    assert box is not None
    assert box["width"] <= 360
