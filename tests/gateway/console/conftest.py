"""A house in which something has happened, and people who look at its log."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from gateway.application import create_app
from gateway.settings import Settings
from partners.access_log.cases import Case
from partners.access_log.checkpoints import signer_of
from partners.access_log.search import member_number
from partners.keyring import Keyring
from partners.people import accounts, sessions
from partners.people.accounts import Person
from partners.postgres.database import Database
from partners.tables.access import access_log
from partners.vocabulary import CasePurpose, PartnerKind, Work
from tests.callers import access_token, add_caller, bearer, model_token
from tests.conftest import NOW, SECRET, fresh_database
from tests.factories import add_member, add_model, add_relation
from tests.gateway.api.test_webmaster import Webmaster, webmaster
from tests.partners.access_log.logs import Log

CASE = Case("SEC-1042", CasePurpose.INCIDENT)
MASK_IS_PRIVATE = {"mask": "gold", "mask_visibility": "private"}


@dataclass
class House:
    """A gateway with a webmaster, a model center, an auditor's tool, and people of the security team."""

    app: Flask
    db: Database
    url: str
    directory: Path
    w1: Webmaster = field(init=False)
    auditor: dict[str, str] = field(init=False)
    client: str = field(init=False)
    """The auditor's tool's."""
    person: Person = field(init=False)

    def __post_init__(self) -> None:
        http = self.app.test_client()
        self.w1 = webmaster(self.db, http, "w1")
        tool = add_caller(self.db, PartnerKind.AUDITOR)
        self.auditor, self.client = bearer(access_token(http, tool)), tool.id
        self.person = self.invite("auditor", "ines")
        self._live(http)
        origin = self.app.extensions["runtime"].settings.log_origin
        self.log = Log(self.url, self.directory, signer_of(Keyring(SECRET), origin, 1))
        self.log.seal()

    def _live(self, http: FlaskClient) -> None:
        self.w1.member(self.db, "m1", username="night_owl", **MASK_IS_PRIVATE)
        self.w1.member(self.db, "m2", username="me@example.com", username_harmless=False)
        with self.db.write.begin() as connection:
            number = add_member(connection, "m3", username="glass harp")
            add_relation(connection, add_model(connection, "mdl-1"), number)
            owl = member_number(connection, "m1")
            assert owl is not None
            add_relation(connection, add_model(connection, "mdl-2"), owl)
        center = add_caller(self.db, PartnerKind.MODEL_CENTER)
        her = bearer(model_token(http, self.db, center, of="mdl-2"))
        self.w1.rows()
        self.w1.get("/members/mbr_AAAAAAAAAAAAAAAAAAAAAA")
        http.get("/v1/model/members/night_owl", headers=her)
        http.get("/v1/webmaster/members", headers=her, environ_base={"REMOTE_ADDR": "192.0.2.7"})

    def invite(self, partner: str, name: str) -> Person:
        with self.db.write.begin() as connection:
            return accounts.add(connection, partner, name, now=datetime.now(UTC)).person

    def browser(self, person: Person | None = None, case: Case | None = None) -> FlaskClient:
        """The browser of somebody who is signed in."""
        http = self.app.test_client()
        http.set_cookie("gateway", self.token(person, case))
        return http

    def token(self, person: Person | None = None, case: Case | None = None) -> str:
        """The cookie of somebody who is signed in."""
        with self.db.write.begin() as connection:
            token = sessions.begin(connection, person or self.person, now=datetime.now(UTC))
            if case is not None:
                sessions.take_up(connection, token, case)
        return token

    def look(self, address: str, case: Case | None = CASE) -> str:
        """A page, as somebody with a case sees it."""
        answer = self.browser(case=case).get(address)
        assert answer.status_code == 200, (answer.status_code, answer.headers.get("Location"))
        return answer.get_data(as_text=True)

    def newest(self, operation: str) -> "Record":
        """What the log has of the last time that somebody did this."""
        with self.db.write.connect() as connection:
            asked = select(access_log).where(access_log.c.operation == operation)
            row = connection.execute(asked.order_by(access_log.c.at.desc()).limit(1)).one()
        return Record(row.client, row.audience, row.outcome, row.case_number, row.case_purpose, row.member_count)


@dataclass(frozen=True)
class Record:
    """What matters of a look."""

    client: str
    audience: str
    outcome: str
    case_number: str | None
    case_purpose: str | None
    member_count: int


@pytest.fixture(scope="module")
def house(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all tests of a module; each look adds to its log."""
    directory = tmp_path_factory.mktemp(uuid4().hex)
    settings = Settings(
        issuer="http://127.0.0.1:8000", secret_key=SECRET, data_dir=directory, database_url=None, proxies=0,
        fixed_now=NOW, limits=dict.fromkeys(Work, "1000000/minute"),
    )  # fmt: skip
    with fresh_database(cluster, template) as url:
        app = create_app(settings, url)
        made = House(app, app.extensions["runtime"].database, url, directory)
        yield made
        made.log.close()
        app.extensions["runtime"].database.dispose()
