"""`gateway webhooks`: endpoints registered, told, listed and taken away; and telling by hand where there is none."""

from datetime import UTC, datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from partners.keyring import Keyring
from partners.outbox import concern_about
from partners.postgres.database import Database
from partners.tables.operator import operator_act
from partners.vocabulary import NoticeTopic, PartnerKind
from tests.callers import add_caller
from tests.gateway.api.stage import Stage
from tests.gateway.cli.commands import invoke, run, run_json
from tests.gateway.receiver import receiving

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def stage(http: FlaskClient, db: Database, keyring: Keyring) -> Stage:
    return Stage(http, db, keyring)


def test_an_endpoint_from_its_registration_to_its_end(stage: Stage, db: Database, keyring: Keyring) -> None:
    number = stage.member("m1")
    stage.webmasters["w1"].rows()
    with receiving() as receiver:
        added = run_json("webhooks", "add", "w1", receiver.url)
        receiver.secret = added["secret"]
        assert invoke("webhooks", "add", "w1", receiver.url).exit_code == 1
        with db.write.begin() as connection:
            concern_about(connection, number, NoticeTopic.RESTRICTED, keyring)
        assert run("webhooks", "deliver", "--once").output == "1 notices were acknowledged.\n"
        assert run_json("webhooks", "deliver", "--once") == {"acknowledged": 0}
        (told,) = receiver.told
    assert told["type"] == "member.restricted"
    assert datetime.fromisoformat(told["timestamp"]) <= datetime.now(UTC)
    renewed = run_json("webhooks", "rotate-secret", "w1", "--overlap", "0")
    (listed,) = run_json("webhooks", "list")
    assert (listed["partner"], listed["url"], listed["waiting"]) == ("w1", receiver.url, 0)
    assert renewed["secret"] != added["secret"]
    assert not {added["secret"], renewed["secret"]} & set(map(str, listed.values()))
    run("webhooks", "remove", "w1")
    assert run_json("webhooks", "list") == []
    assert invoke("webhooks", "remove", "w1").exit_code == 1
    with db.write.connect() as connection:
        acts = connection.execute(select(operator_act.c.operation).order_by(operator_act.c.number)).scalars().all()
    assert acts == ["webhooks.add", "webhooks.rotate_secret", "webhooks.remove"]


def test_whoever_has_no_endpoint_is_told_by_hand(stage: Stage, db: Database, keyring: Keyring) -> None:
    number = stage.member("m1")
    (row,) = stage.webmasters["w1"].rows()
    with db.write.begin() as connection:
        concern_about(connection, number, NoticeTopic.ERASED, keyring)

    (waiting,) = run_json("webhooks", "pending", "w1")
    assert (waiting["type"], waiting["ref"]) == ("member.erased", row["ref"])
    assert [each["waiting"] for each in run_json("webhooks", "list")] == [1]
    run("webhooks", "told", waiting["notice"])
    assert run_json("webhooks", "pending", "w1") == []
    assert [each["operation"] for each in run_json("partners", "history", "w1")] == [
        "webhooks.pending", "webhooks.told", "webhooks.pending",
    ]  # fmt: skip
    assert invoke("webhooks", "told", waiting["notice"]).exit_code == 1
    assert invoke("webhooks", "told", "ntc_nonsense").exit_code == 1


def test_only_recipients_of_members_data_have_endpoints_and_only_safe_ones(stage: Stage, db: Database) -> None:
    add_caller(db, PartnerKind.AUDITOR)
    for partner, url in [
        ("auditor", "https://auditor.example/"),
        ("nobody", "https://nobody.example/"),
        ("w1", "http://w1.example/"),
    ]:
        refused = invoke("webhooks", "add", partner, url)

        assert refused.exit_code == 1, refused.output
    assert stage.webmasters
    run("webhooks", "add", "w1", "https://w1.example/")
    for partner in ("w1", "w2"):
        run("partners", "close", partner, "--reason", "left")
    for verb in (("rotate-secret", "w1"), ("add", "w2", "https://w2.example/")):
        assert "closed for good" in invoke("webhooks", *verb).output
