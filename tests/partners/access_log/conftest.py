"""A log of one's own."""

from pathlib import Path

import pytest

from tests.partners.access_log.logs import Log
from tests.recycling import Recycled


@pytest.fixture
def log(own: Recycled, tmp_path: Path) -> Log:
    """A log without a record."""
    return Log(own.url, tmp_path, own=own)
