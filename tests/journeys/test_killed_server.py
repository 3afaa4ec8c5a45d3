"""The promise under sudden death: every body a client received completely has its record."""

import os
import random
import threading
import time
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import select, true

from partners.access_log.subjects import members_where
from partners.postgres.database import Database
from partners.tables.access import access_log
from tests.conftest import SECRET
from tests.factories import add_member
from tests.gateway.api.test_webmaster import webmaster
from tests.journeys.serving import Server, served

KILLS = int(os.environ.get("KILLS", "10"))
"""Each takes as long as a server takes to start."""
CLIENTS = 4
MEMBERS = 30


class Load:
    """Clients that pull pages until their server dies, and remember what they got whole."""

    def __init__(self, token: str) -> None:
        self.headers = {"Authorization": f"Bearer {token}"}
        self.received: dict[str, int] = {}

    def until_killed(self, server: Server, seconds: float) -> None:
        """Load a server, and kill it so long after its first answer."""
        before, latest = len(self.received), time.monotonic() + 20
        clients = [threading.Thread(target=self._pull, args=(server.url,)) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        while len(self.received) == before and time.monotonic() < latest:
            time.sleep(0.005)
        time.sleep(seconds)
        server.kill()
        for client in clients:
            client.join(timeout=30)

    def _pull(self, url: str) -> None:
        with requests.Session() as session:
            session.headers.update(self.headers)
            while True:
                try:
                    answer = session.get(f"{url}/v1/webmaster/members", params={"limit": 20}, timeout=10)
                    rows = answer.json()["data"]
                except (requests.RequestException, KeyError):
                    return
                self.received[answer.headers["X-Request-Id"]] = len(rows)


@pytest.mark.slow
def test_every_body_received_has_its_record(db: Database, http: FlaskClient, database_url: str, tmp_path: Path) -> None:
    w1 = webmaster(db, http, "w1")
    with db.write.begin() as connection:
        for place in range(MEMBERS):
            add_member(connection, f"m{place}", webmaster=w1.number)
    chance = random.Random(20261101)  # noqa: S311 - chosen moments, not secrets
    load = Load(w1.headers["Authorization"].removeprefix("Bearer "))

    for _ in range(KILLS):
        with served(database_url, tmp_path) as server:
            load.until_killed(server, chance.uniform(0.05, 0.5))

    with db.write.connect() as connection:
        pages = access_log.c.operation == "members.list"
        recorded = {
            row.request_id: row.member_count
            for row in connection.execute(select(access_log.c.request_id, access_log.c.member_count).where(pages))
        }
        subjects = connection.execute(select(members_where(lambda *_: true()))).all()
    assert len(load.received) > KILLS
    assert load.received.items() <= recorded.items()
    # One transaction wrote record and subjects: what is recorded is recorded whole.
    assert len(subjects) == sum(recorded.values())
    assert SECRET not in (tmp_path / "serve.log").read_text()
