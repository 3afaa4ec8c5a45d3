"""A past of one's own."""

from pathlib import Path

import pytest

from tests.partners.access_log.logs import Log
from tests.partners.detections.pasts import Past
from tests.recycling import Recycled


@pytest.fixture
def past(own: Recycled, tmp_path: Path) -> Past:
    """A log without a record, with room for months that are gone."""
    log = Log(own.url, tmp_path, own=own)
    return Past(log)
