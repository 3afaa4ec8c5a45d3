"""The demo in a database: everybody of the cast shows the rule they are there for; a second start changes nothing."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from gateway.cli.session import Session
from gateway.demo import credentials
from gateway.demo.cast import CAST, HEROINE, WEBMASTERS
from gateway.demo.loading import NotADemoError, load
from gateway.settings import Settings
from partners.members import find_member
from partners.postgres import database
from partners.postgres.database import Database
from partners.registry import partners
from partners.registry.partners import Partner
from partners.tables.activity import applied_event, ledger_entry
from partners.tables.partner import client
from partners.tables.rights import rights_request
from partners.vocabulary import PartnerKind, ProfileItem, Reason
from serializers.verdicts import Decision, for_model, for_webmaster
from tests.conftest import NOW, SECRET, fresh_database

URL = "http://127.0.0.1:8000"
CHATTED_ONLY, PRIVATE = Reason.VISIBILITY_PRIVATE_CHATTED, Reason.VISIBILITY_PRIVATE


@pytest.fixture(scope="module")
def opened(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A database with the demo in it, loaded twice."""
    with fresh_database(cluster, template) as url:
        engines = database.connect(url)
        held = session_on(engines, url, tmp_path_factory.mktemp("demo"))
        load(held, url=URL, issuer=URL)
        before = counts(held)
        load(held, url=URL, issuer=URL)
        assert counts(held) == before
        yield held
        engines.dispose()


def session_on(engines: Database, url: str, directory: Path) -> Session:
    settings = Settings(issuer=URL, secret_key=SECRET, data_dir=directory, database_url=None, proxies=0, fixed_now=NOW)
    return Session(settings, engines, url)


def counts(held: Session) -> list[int]:
    tables = (applied_event, ledger_entry, client, rights_request)
    with held.database.write.connect() as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def to_webmaster(opened: Session, username: str) -> Decision:
    with opened.database.write.connect() as connection:
        found = find_member(connection, id_of(username))
        assert found is not None
        return for_webmaster(connection, WEBMASTERS[0].id, member_number=found.number, now=NOW)


def to_model(opened: Session, username: str) -> Decision:
    with opened.database.write.connect() as connection:
        found = find_member(connection, id_of(username))
        assert found is not None
        return for_model(connection, HEROINE, sensitive=True, member_number=found.number, now=NOW)


def id_of(username: str) -> str:
    return next(role.id for role in CAST if role.username == username)


@pytest.mark.slow
def test_there_are_partners_of_every_kind_inside_and_outside_the_eea(opened: Session) -> None:
    with opened.database.write.connect() as connection:
        everybody = partners.every(connection)

    assert {partner.kind for partner in everybody} == set(PartnerKind)
    rows = {partner.id: partner.may_have_member_rows() for partner in everybody if partner.kind == "webmaster"}
    assert rows == {"northlight": True, "harbour": True, "redwood": True, "westwind": False}


def test_the_owl_shares_everything(opened: Session) -> None:
    for decision in (to_webmaster(opened, "night_owl"), to_model(opened, "night_owl")):
        assert decision.absent == ()
        assert not any(decision.withheld.values())


@pytest.mark.parametrize(
    ("username", "reason"),
    [
        ("north_gate", Reason.OPTED_OUT),
        ("green_signal", Reason.OPTED_OUT),
        ("closed_door", Reason.CONSENT_WITHDRAWN),
        ("still_water", Reason.RESTRICTED),
        ("no_thank_you", Reason.OBJECTION),
    ],
)
def test_who_is_withheld_from_webmasters(opened: Session, username: str, reason: Reason) -> None:
    assert to_webmaster(opened, username).absent == (reason,)


@pytest.mark.parametrize(
    "username", ["jo.rivers@mail.example", "+352621000111", "www.quiet-harbour.example", "@blue_finch"]
)
def test_usernames_that_identify_are_withheld_from_webmasters_and_not_from_models(
    opened: Session, username: str
) -> None:
    assert to_webmaster(opened, username).withheld["username"] == (Reason.USERNAME_IDENTIFYING,)
    assert to_model(opened, username).withheld["username"] == ()


def test_who_has_lapsed_shows_neither_device_nor_actions(opened: Session) -> None:
    assert to_webmaster(opened, "long_gone").withheld["device"] == (Reason.RETENTION_120_DAYS,)
    assert to_model(opened, "long_gone").withheld["last_actions"] == (Reason.RETENTION_120_DAYS,)


@pytest.mark.parametrize(
    ("username", "field", "reason"),
    [
        ("velvet_moth", "profile.age", CHATTED_ONLY),
        ("paper_lantern", "profile.age", PRIVATE),
        ("salt_and_cedar", "profile.location", PRIVATE),
        ("salt_and_cedar", "profile.turn_ons", CHATTED_ONLY),
        ("copper_kite", "mask", PRIVATE),
        ("glass_harp", "mask", CHATTED_ONLY),
        ("tin_soldier", "regular_payer", Reason.OPTED_OUT),
        ("slow_river", "mask", Reason.NOT_PARTICIPATING),
    ],
)
def test_what_is_withheld_from_the_heroine(opened: Session, username: str, field: str, reason: Reason) -> None:
    decision = to_model(opened, username)

    assert decision.absent == ()
    assert decision.withheld[field] == (reason,)


def test_a_private_profile_hides_all_eleven_items(opened: Session) -> None:
    withheld = to_model(opened, "paper_lantern").withheld

    assert all(withheld[f"profile.{item}"] for item in ProfileItem)


def test_who_asked_for_erasure_is_gone(opened: Session) -> None:
    with opened.database.write.connect() as connection:
        assert find_member(connection, id_of("left_the_house")) is None


def test_nobody_else_can_read_the_credentials(opened: Session) -> None:
    path = opened.settings.data_dir / credentials.FILE

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    held = credentials.read(opened.settings.data_dir)
    assert held is not None
    assert held.loaded


def test_a_gateway_with_partners_of_its_own_is_left_alone(db: Database, database_url: str, tmp_path: Path) -> None:
    with db.write.begin() as connection:
        partners.add(connection, Partner(id="w1", kind=PartnerKind.WEBMASTER, name="Web One"))

    with pytest.raises(NotADemoError):
        load(session_on(db, database_url, tmp_path), url=URL, issuer=URL)


@pytest.mark.slow
def test_credentials_that_another_database_left_behind_are_replaced(
    opened: Session, db: Database, database_url: str, tmp_path: Path
) -> None:
    left_behind = credentials.read(opened.settings.data_dir)
    assert left_behind is not None
    credentials.write(tmp_path, left_behind)

    made = load(session_on(db, database_url, tmp_path), url=URL, issuer=URL)

    assert made.accounts.keys() == left_behind.accounts.keys()
    assert made.accounts["northlight"].client != left_behind.accounts["northlight"].client
    with db.write.connect() as connection:
        assert find_member(connection, id_of("night_owl")) is not None
