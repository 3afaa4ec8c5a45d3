"""A served gateway on a PostgreSQL of its own that can be broken, and something to ask on every data path."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import requests
from sqlalchemy import make_url

from gateway.application import create_app
from gateway.preparation import prepare
from gateway.serving.server import THREADS
from gateway.settings import Settings
from partners.postgres import database
from partners.postgres.embedded import binary, embedded_postgres
from partners.vocabulary import PartnerKind, Work
from tests.callers import access_token, add_caller, bearer, model_token
from tests.conftest import SECRET
from tests.factories import add_model, add_purchase, add_relation
from tests.gateway.api.test_webmaster import webmaster
from tests.journeys.serving import Server, served

PROMISED_S = 3.0
RECOVERED_WITHIN_S = 20.0
CANARY = "canary_of_a_member"


@dataclass(frozen=True)
class Ask:
    """One request that asks for data, or for the token that opens it."""

    path: str
    headers: dict[str, str]
    method: str = "GET"
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answered:
    """What came back, and after how long."""

    ask: Ask
    status: int
    headers: Any
    text: str
    seconds: float

    def is_unavailable_in_time(self) -> bool:
        """A proper 503 that gives nothing away."""
        return (
            self.status == 503
            and self.headers["Content-Type"] == "application/problem+json"
            and int(self.headers["Retry-After"]) > 0
            and self.seconds < PROMISED_S
            and CANARY not in self.text
        )


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL that a test owns and may break."""

    url: str
    data: Path

    def run(self, *arguments: str) -> None:
        """Let `pg_ctl` do something, as the user that the server runs as."""
        owner = self.data.stat()
        who: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
        command = [str(binary("pg_ctl")), "-D", str(self.data), "-w", *arguments]
        # Files and no pipes: the server outlives `pg_ctl` and would hold a pipe open.
        with (self.data.parent / "pg_ctl.log").open("a+") as output:
            done = subprocess.run(command, check=False, stdout=output, stderr=output, cwd="/", **who)
        assert done.returncode == 0, (self.data.parent / "pg_ctl.log").read_text()

    def start(self) -> None:
        """Start it again as it was started first."""
        self.run("-l", str(self.data / "server.log"), "-o", self._options(), "start")

    def _options(self) -> str:
        words = (self.data / "postmaster.opts").read_text()
        return words.partition(" ")[2].strip().replace('"', "")

    def connect(self) -> psycopg.Connection[Any]:
        """A superuser's connection in autocommit."""
        return psycopg.connect(self.url, autocommit=True)

    def execute(self, statement: str) -> list[Any]:
        """Run a statement as superuser."""
        with self.connect() as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def backends(self) -> list[int]:
        """The processes that serve the gateway's connections."""
        found = self.execute("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'member-data-gateway%'")
        return [pid for (pid,) in found]

    def postmaster(self) -> int:
        """The process that takes connections."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    @contextmanager
    def frozen(self, *processes: int) -> Iterator[None]:
        """Stop some of its processes in the middle of whatever they do; they go on afterwards."""
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)


@dataclass(frozen=True)
class House:
    """Everything together."""

    cluster: Cluster
    server: Server
    asks: tuple[Ask, ...]

    def ask(self, ask: Ask) -> Answered:
        """Ask once, over a connection of its own."""
        begun = time.monotonic()
        answer = requests.request(
            ask.method, self.server.url + ask.path, headers=ask.headers, json=ask.body or None, timeout=30
        )
        return Answered(ask, answer.status_code, answer.headers, answer.text, time.monotonic() - begun)

    def ask_all(self, at_once: int = THREADS) -> list[Answered]:
        """Ask everything, as many requests at once as one worker has threads."""
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(self.ask, self.asks))

    def get(self, path: str) -> Answered:
        """Ask what needs no token."""
        return self.ask(Ask(path, {}))

    def recover(self) -> None:
        """Wait until everything is answered again, by the same server, and every answer is on record."""
        deadline = time.monotonic() + RECOVERED_WITHIN_S
        while any(answer.status != 200 for answer in self.ask_all()):
            assert time.monotonic() < deadline, [(found.ask.path, found.status) for found in self.ask_all()]
            time.sleep(0.2)
        assert self.get("/readyz").status == 200
        assert self.server.process.poll() is None
        self.all_recorded(self.ask_all())

    def all_recorded(self, answers: list[Answered]) -> None:
        """Prove that whatever said something is in the log."""
        told = {found.headers["X-Request-Id"] for found in answers if found.status == 200}
        recorded = {request for (request,) in self.cluster.execute("SELECT request_id FROM access_log")}
        assert told <= recorded


@contextmanager
def house(directory: Path, tmp_path: Path, **environ: str) -> Iterator[House]:
    """Start a cluster in a directory that the unprivileged user can reach, fill it, and serve it."""
    with embedded_postgres(directory, settings={"fsync": "off"}) as url:
        cluster = Cluster(url, directory / "postgres" / "cluster")
        owner = database.owner(url)
        prepare(owner, now=datetime.now(UTC))
        owner.dispose()
        asks = _asks(make_url(url).render_as_string(hide_password=False), tmp_path)
        with served(url, tmp_path, workers=2, **environ) as server:
            made = House(cluster, server, asks)
            made.recover()
            yield made


def _asks(url: str, tmp_path: Path) -> tuple[Ask, ...]:
    limits = dict.fromkeys(Work, "1000000/minute")
    settings = Settings("http://127.0.0.1:8000", SECRET, tmp_path, None, 0, None, limits=limits)
    app = create_app(settings, url)
    db, http = app.extensions["runtime"].database, app.test_client()
    w1 = webmaster(db, http, "w1")
    member = w1.member(db, "m1", username=CANARY, registered_at=datetime.now(UTC))
    with db.write.begin() as connection:
        add_purchase(connection, member, "p1")
        add_relation(connection, add_model(connection, "mdl-1"), member, favorite=True)
    card = bearer(model_token(http, db, add_caller(db, PartnerKind.MODEL_CENTER)))
    audit = bearer(access_token(http, add_caller(db, PartnerKind.AUDITOR)))
    platform = bearer(access_token(http, add_caller(db, PartnerKind.PLATFORM)))
    ref = w1.rows()[0]["ref"]
    own = "/v1/webmaster"
    asks = (
        *(Ask(path, w1.headers) for path in (f"{own}/members", f"{own}/members/{ref}", f"{own}/purchases")),
        *(Ask(path, w1.headers) for path in (f"{own}/campaigns", f"{own}/statements")),
        Ask(f"{own}/stats?from=2026-10-01&to=2026-10-31", w1.headers),
        Ask(f"{own}/members", w1.headers | {"Accept": "text/csv"}),
        *(Ask(path, card) for path in (f"/v1/model/members/{CANARY}", "/v1/model/members?relation=any")),
        Ask("/v1/model/members/batch", card, "POST", {"usernames": [CANARY]}),
        Ask("/v1/audit/accesses", audit),
        *(Ask(f"/v1/platform/members/m1/{path}", platform) for path in ("disclosures", "preview?as=webmaster")),
        Ask("/v1/platform/members/m1/privacy", platform, "PATCH", {"share_regular_payer": True}),
    )
    db.dispose()
    return asks
