"""A real Chromium, as somebody uses it who has no mouse."""

import shutil
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pyotp
import pytest
from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None, reason="LEFT OUT: no Chromium on this machine; install `chromium`"
)


def is_complaint(text: str) -> bool:
    """Chromium also notes every answer that is no 200."""
    return not text.startswith("Failed to load resource")


def at_home(url: str) -> bool:
    return urlsplit(url).hostname == "127.0.0.1" or url.startswith("data:")


def type_in(page: Page, *texts: str) -> None:
    """Type as somebody does who has no mouse: from field to field by tab, and enter."""
    for text in texts:
        page.keyboard.type(text)
        page.keyboard.press("Tab")


def code_of(factor: str, later: int = 0) -> str:
    return pyotp.TOTP(factor).at(int(datetime.now(UTC).timestamp()) + later)
