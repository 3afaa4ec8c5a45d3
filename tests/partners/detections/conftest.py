"""A past of one's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.partners.access_log.logs import Log
from tests.partners.detections.pasts import Past


@pytest.fixture
def past(database_url: str, tmp_path: Path) -> Iterator[Past]:
    """A log without a record, with room for months that are gone."""
    log = Log(database_url, tmp_path)
    yield Past(log)
    log.close()
