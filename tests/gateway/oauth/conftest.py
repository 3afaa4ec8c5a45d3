"""One gateway for the tests of a module, with probes behind the guard; tests tell their partners apart by name."""

from collections.abc import Iterator

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from gateway.application import create_app
from gateway.http.envelope import answer
from gateway.oauth.caller import Caller
from gateway.oauth.guard import Guard, guarded_by
from gateway.settings import Settings, read
from partners.postgres import database
from partners.postgres.database import Database
from partners.vocabulary import PartnerKind, Purpose, Scope
from tests.conftest import SECRET, fresh_database

PROBES = {
    "/probe/stats": (PartnerKind.WEBMASTER, Scope.STATS_READ, True),
    "/probe/members": (PartnerKind.WEBMASTER, Scope.MEMBERS_READ, True),
    "/probe/token-only": (PartnerKind.WEBMASTER, Scope.STATS_READ, False),
    "/probe/cards": (PartnerKind.MODEL_CENTER, Scope.CARDS_READ, True),
    "/probe/events": (PartnerKind.PLATFORM, Scope.EVENTS_WRITE, True),
    "/probe/audit": (PartnerKind.AUDITOR, Scope.AUDIT_READ, True),
}


@pytest.fixture(scope="module")
def database_url(cluster: str, template: str) -> Iterator[str]:
    """The URL of an empty, migrated database that this module uses."""
    with fresh_database(cluster, template) as url:
        yield url


@pytest.fixture(scope="module")
def db(database_url: str) -> Iterator[Database]:
    """Engines on this module's database."""
    engines = database.connect(database_url)
    yield engines
    engines.dispose()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The usual settings, but that one client may ask for more tokens than these tests do."""
    environ = {"GATEWAY_SECRET_KEY": SECRET, "GATEWAY_LIMIT_TOKEN": "100000/minute"}
    return read(environ | {"GATEWAY_DATA_DIR": str(tmp_path_factory.mktemp("data"))})


@pytest.fixture(scope="module")
def app(settings: Settings, database_url: str) -> Iterator[Flask]:
    """The gateway over this module's database."""
    application = create_app(settings, database_url)
    add_probes(application)
    yield application
    application.extensions["runtime"].database.dispose()


@pytest.fixture(scope="module")
def http(app: Flask) -> FlaskClient:
    """A client that speaks to the gateway without a socket."""
    return app.test_client()


def add_probes(application: Flask) -> None:
    """Add guarded paths that answer with the caller they were given."""
    for path, (kind, scope, live) in PROBES.items():
        guard = guarded_by(Guard(kind, scope, "probe", Purpose.OPERATION, live=live))
        application.add_url_rule(path, path, guard(_tell))


def _tell(caller: Caller) -> Response:
    return answer({"partner": caller.partner, "client": caller.client, "model": caller.model})
