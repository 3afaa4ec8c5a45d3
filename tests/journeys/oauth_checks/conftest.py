"""The target of the checks: our served gateway, or whatever `OAUTH_CHECKS_TARGET` describes."""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from partners.postgres import database
from partners.postgres.database import Database
from tests.callers import sign
from tests.conftest import fresh_database
from tests.journeys.oauth_checks.ours import gateway
from tests.journeys.oauth_checks.target import Client, Feature, Target
from tests.journeys.serving import Server, free_port, served
from tests.journeys.tracking import Visitor

FEW_A_MINUTE = 12


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Target:
    """What the checks are run against."""
    described = os.environ.get("OAUTH_CHECKS_TARGET")
    if described is not None:
        from tests.control.provider import described_target  # noqa: PLC0415 - only the control needs it

        return described_target(json.loads(described))
    server: Server = request.getfixturevalue("server")
    stored: Database = request.getfixturevalue("stored")
    anna: Visitor = request.getfixturevalue("anna")
    log_directory: Path = request.getfixturevalue("log_directory")
    return gateway(server.url, stored, log_directory / "serve.log", anna)


@pytest.fixture(scope="session")
def tool(target: Target) -> Client:
    """A client for authorization code and refresh."""
    client: Client = target.operator.tool()
    return client


@pytest.fixture(scope="session")
def reader(target: Target) -> Client:
    """A client with a secret, for client credentials."""
    client: Client = target.operator.reader()
    return client


@pytest.fixture(scope="session")
def signer(target: Target) -> Client:
    """A client that signs with a key, for client credentials."""
    client: Client = target.operator.signer()
    return client


@dataclass
class Apart:
    """A gateway of its own, one process, for what would disturb the others; it can be started anew."""

    db: Database
    url: str
    directory: Path
    port: int = field(default_factory=free_port)
    running: ExitStack = field(default_factory=ExitStack)

    @property
    def target(self) -> Target:
        """As it runs now."""
        issuer = f"http://127.0.0.1:{self.port}"
        return gateway(issuer, self.db, self.directory / "serve.log", Visitor(issuer))

    def start(self) -> None:
        """Start it, or end it and start it again."""
        self.running.close()
        limits = {"GATEWAY_ISSUER": f"http://127.0.0.1:{self.port}", "GATEWAY_LIMIT_TOKEN": f"{FEW_A_MINUTE}/minute"}
        self.running.enter_context(served(self.url, self.directory, workers=1, port=self.port, **limits))

    def read_keys_again(self) -> None:
        """Let it see a key that it does not know, for which it looks again once a second."""
        unknown = ECKey.generate_key("P-256", auto_kid=True)
        target = self.target
        time.sleep(1)
        assert target.read(sign(unknown, {"typ": "at+jwt", "kid": unknown.kid}, {"sub": "x"})).status_code == 401


@pytest.fixture(scope="session")
def apart(request: pytest.FixtureRequest, target: Target) -> Iterator[Apart]:
    """It takes few attempts at tokens a minute from one client and address."""
    if Feature.RESTART not in target.features:
        pytest.skip(f"not applicable: {Feature.RESTART}")
    cluster, template = request.getfixturevalue("cluster"), request.getfixturevalue("template")
    with (
        fresh_database(cluster, template) as url,
        closing_engines(url) as db,
        tempfile.TemporaryDirectory(prefix="gateway-apart-") as directory,
    ):
        made = Apart(db, url, Path(directory))
        made.start()
        with made.running:
            yield made


@contextmanager
def closing_engines(url: str) -> Iterator[Database]:
    """Engines on a database while the block runs."""
    engines = database.connect(url)
    yield engines
    engines.dispose()
