"""A consumer of the log's stream that is killed over and over, and in the end has every record exactly once."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from partners.access_log import following
from partners.access_log.append import record
from partners.postgres.database import Database
from partners.tables.sealing import sealed_leaf
from partners.vocabulary import Outcome, PartnerKind
from tests.callers import add_caller, basic
from tests.journeys.serving import Server
from tests.partners.access_log.logs import access

pytestmark = pytest.mark.slow

KILLS = 20
RECORDS = 800
CONSUMER = Path(__file__).with_name("following.py")


def token_of(server: Server, stored: Database) -> str:
    auditor = add_caller(stored, PartnerKind.AUDITOR, "collector")
    answer = requests.post(
        f"{server.url}/oauth/token",
        data={"grant_type": "client_credentials"},
        headers=basic(auditor.id, auditor.secret or ""),
        timeout=30,
    )
    token: str = answer.json()["access_token"]
    return token


def produce(stored: Database, ids: list[str]) -> None:
    """Append records, one transaction each."""
    for _ in range(RECORDS):
        asked = access()
        with stored.write.begin() as connection:
            record(connection, asked, outcome=Outcome.EMPTY, status=200)
        ids.append(asked.request_id)


def die_at_work(consumer: subprocess.Popen[bytes], file: Path, chance: random.Random) -> None:
    """Kill a consumer soon after it has stored something."""
    size, until = file.stat().st_size, time.monotonic() + 20
    while file.stat().st_size == size and time.monotonic() < until:
        time.sleep(0.001)
    time.sleep(chance.uniform(0, 0.04))
    consumer.kill()
    consumer.wait()


def test_a_consumer_killed_twenty_times_has_every_record_once(server: Server, stored: Database, tmp_path: Path) -> None:
    file, chance, produced = tmp_path / "log.ndjson", random.Random(20261128), list[str]()  # noqa: S311 - no secret
    file.touch()
    command = [sys.executable, str(CONSUMER), server.url, str(file)]
    environ = os.environ | {"TOKEN": token_of(server, stored)}
    producing = threading.Thread(target=produce, args=(stored, produced))
    producing.start()

    half_lines = 0
    for _ in range(KILLS):
        die_at_work(subprocess.Popen(command, env=environ), file, chance)
        half_lines += not file.read_bytes().endswith(b"\n")
    producing.join()
    time.sleep(1.5)
    subprocess.run([*command, "--until-empty"], env=environ, check=True, timeout=60)

    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    with stored.write.connect() as connection:
        leaves = connection.execute(select(sealed_leaf.c.access).order_by(sealed_leaf.c.index)).scalars().all()
        assert not following.has_news(connection, after=lines[-1]["index"])
    assert [line["index"] for line in lines] == list(range(len(lines)))
    assert [line["id"] for line in lines] == [f"acc_{access.hex}" for access in leaves[: len(lines)]]
    assert {line["request_id"] for line in lines} >= set(produced)
    assert len(produced) == RECORDS
    assert half_lines > 0, "no death found it in the middle of a line"
