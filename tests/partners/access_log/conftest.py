"""A log of one's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.partners.access_log.logs import Log


@pytest.fixture
def log(database_url: str, tmp_path: Path) -> Iterator[Log]:
    """A log without a record."""
    made = Log(database_url, tmp_path)
    yield made
    made.close()
