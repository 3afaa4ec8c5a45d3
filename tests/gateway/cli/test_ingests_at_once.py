"""Two `gateway ingest` of one file at once, as real processes: every event is applied by one of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from benchmarks.feed_events import CAMPAIGNS, WEBMASTERS, feed
from partners.postgres.database import Database
from partners.tables.activity import applied_event, ledger_entry
from tests.books import assert_books_balance
from tests.conftest import SECRET
from tests.factories import add_campaign, add_partner
from tests.feeding import lines

pytestmark = pytest.mark.slow

EVENTS = 20_000
"""Several batches, so that the two take turns."""
TIMEOUT_S = 120


def test_two_ingests_of_one_file_apply_each_event_once(db: Database, database_url: str, tmp_path: Path) -> None:
    told = list(feed(EVENTS, members=300, seed=7))
    file = tmp_path / "feed.ndjson"
    file.write_bytes(lines(*told))
    with db.write.begin() as connection:
        for partner in [add_partner(connection, webmaster) for webmaster in WEBMASTERS]:
            for campaign in CAMPAIGNS:
                add_campaign(connection, partner, campaign)

    ingests = [_ingest(file, database_url) for _ in range(2)]
    reports = [json.loads(ingest.communicate(timeout=TIMEOUT_S)[0]) for ingest in ingests]

    assert [ingest.returncode for ingest in ingests] == [0, 0]
    assert [report["errors"] for report in reports] == [[], []]
    assert sum(report["accepted"] for report in reports) == EVENTS
    assert sum(report["duplicates"] for report in reports) == EVENTS
    with db.write.connect() as connection:
        assert connection.execute(select(func.count()).select_from(applied_event)).scalar_one() == EVENTS
        entries = connection.execute(select(func.count()).select_from(ledger_entry)).scalar_one()
    assert entries == sum(event["type"] in {"credits.purchased", "credits.refunded"} for event in told)
    assert_books_balance(db)


def _ingest(file: Path, database_url: str) -> subprocess.Popen[bytes]:
    own = {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_SECRET_KEY": SECRET}
    command = [sys.executable, "-m", "gateway.cli", "ingest", str(file), "--json"]
    return subprocess.Popen(command, env=os.environ | own, stdout=subprocess.PIPE)
