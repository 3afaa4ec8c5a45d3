"""The security team's console in a real Chromium, without scripts: from the invitation to a checked proof."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from partners.access_log.cases import Case
from partners.access_log.checkpoints import origin_of
from partners.access_log.keys import DerivedKeys
from partners.access_log.proofs import check_proof
from partners.keyring import Keyring
from partners.people import accounts, saved_searches, sessions
from partners.postgres.database import Database
from partners.vocabulary import CasePurpose, PartnerKind
from tests.callers import ISSUER, add_caller
from tests.conftest import SECRET
from tests.journeys.browsing import NEEDS_CHROMIUM, code_of, type_in
from tests.journeys.serving import Server
from tests.journeys.tracking import PASSWORD, Visitor

pytestmark = [NEEDS_CHROMIUM, pytest.mark.slow]


@pytest.fixture
def invited(stored: Database, server: Server) -> str:
    """The address that somebody of the security team was sent."""
    add_caller(stored, PartnerKind.AUDITOR, "watch")
    with stored.write.begin() as connection:
        made = accounts.add(connection, "watch", "ines", now=datetime.now(UTC))
    return f"{server.url}/account/set-up?invitation={made.token}"


def test_from_the_invitation_to_a_proof(
    page: Page, stored: Database, *, server: Server, invited: str, shots: Path
) -> None:
    page.goto(invited)
    factor = page.locator(".key code").inner_text().replace(" ", "")
    type_in(page, PASSWORD, PASSWORD)
    page.keyboard.type(code_of(factor))
    page.keyboard.press("Enter")
    page.wait_for_url("**/console**")

    page.goto(f"{server.url}/console/search?q=operation:oauth.set_up")
    page.screenshot(path=shots / "console-search.png", full_page=True)
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    page.locator("tbody th a").first.press("Enter")
    page.wait_for_url("**/case?*")
    page.screenshot(path=shots / "console-case.png", full_page=True)
    page.keyboard.type("SEC-1042")
    page.get_by_label("A suspected breach or misuse").check()
    page.get_by_role("button", name="Go on").press("Enter")
    page.wait_for_url("**/entries/acc_*")
    page.get_by_role("heading", level=1, name="watch set up an account").wait_for()
    page.screenshot(path=shots / "console-entry.png", full_page=True)
    assert "SEC-1042" in page.get_by_role("banner").inner_text()

    with page.expect_download() as download:
        page.get_by_role("link", name="Download the proof").click()
    with stored.write.connect() as connection:
        trusted = DerivedKeys(Keyring(SECRET), origin_of(ISSUER)).trust(connection)
    _, _, leaf = check_proof(download.value.path().read_text(), trusted, None)
    assert b'"operation": "oauth.set_up"' in leaf

    page.get_by_role("button", name="Sign out").press("Enter")
    page.wait_for_url("**/sign-in?signed_out=1")


def test_no_page_scrolls_sideways_where_it_is_narrow(
    chromium: Browser, stored: Database, server: Server, anna: Visitor
) -> None:
    """320 pixels, as of a page that is enlarged four times (WCAG 2.2, 1.4.10)."""
    anna.get("/account")
    add_caller(stored, PartnerKind.AUDITOR, "watch")
    now = datetime.now(UTC)
    with stored.write.begin() as connection:
        somebody = accounts.add(connection, "watch", "nora", now=now).person
        token = sessions.begin(connection, somebody, now=now)
        sessions.take_up(connection, token, Case("SEC-1042", CasePurpose.INCIDENT))
        saved_searches.save(
            connection, somebody, "Refused at night", "outcome:denied -operation:oauth.*,audit.* reason:expired"
        )
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 320, "height": 640})
    context.add_cookies([{"name": "gateway", "value": token, "url": server.url}])
    page = context.new_page()
    page.goto(f"{server.url}/console/search?q=operation:oauth.set_up")
    entry = page.locator("tbody th a").first.get_attribute("href")
    console = "", "/search", "/members", "/partners", "/partners?partner=w1", "/alerts", "/policies", "/saved", "/case"
    too_wide = {}
    for path in (*(f"/console{each}" for each in console), entry, "/console/x", "/docs", "/docs/problems"):
        page.goto(f"{server.url}{path}")
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            too_wide[path] = width
    context.close()

    assert too_wide == {}
