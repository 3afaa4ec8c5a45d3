"""Where commands find what they work on."""

from pathlib import Path

import pytest

from tests.conftest import SECRET


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path) -> pytest.MonkeyPatch:
    """The commands work on this test's database; returned is what sets more."""
    monkeypatch.setenv("GATEWAY_DATABASE_URL", database_url)
    monkeypatch.setenv("GATEWAY_SECRET_KEY", SECRET)
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))
    return monkeypatch
