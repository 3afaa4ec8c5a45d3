"""`gateway policy` tells what is disclosed, for everybody and for one member, and reads no value to do so."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from gateway.cli import main
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.rights.journal import Journal
from partners.rights.requests import Asked, Desk
from partners.rights.steps import Step
from partners.tables.access import access_log, access_subject
from partners.vocabulary import RequestAction, RequestType
from serializers.operations import OPERATIONS
from serializers.policies import DOCUMENT, VERSION
from tests.conftest import NOW
from tests.factories import add_member, add_model, add_partner, add_relation, set_usage_clock

LONG_AGO = NOW - timedelta(days=121)


@pytest.fixture(autouse=True)
def clock(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("GATEWAY_TESTING", "1")
    environment.setenv("GATEWAY_NOW", NOW.isoformat())


def policy(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["policy", *arguments])


def explained(caller: str, member: str = "m1", *more: str) -> dict[str, Any]:
    result = policy("explain", "--as", caller, "--member", member, "--json", *more)
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def withheld(document: dict[str, Any]) -> dict[str, list[str]]:
    return {field["field"]: field["reasons"] for field in document["fields"] if not field["shown"]}


def test_the_matrix_names_every_field_of_every_audience() -> None:
    shown = policy("show")
    as_json = json.loads(policy("show", "--format", "json").stdout)

    fields = {(policy, name) for policy, document in DOCUMENT.items() for name in document["fields"]}
    assert {(row["policy"], row["field"]) for row in as_json["matrix"]} == fields
    assert {row["audience"] for row in as_json["matrix"]} == {"webmaster", "model_center"}
    assert all(row["clause"].startswith("R") for row in as_json["matrix"])
    assert as_json["policies"] == DOCUMENT
    assert as_json["policy_version"] == VERSION
    assert VERSION in shown.stdout
    assert all(f"| `{name}` |" in shown.stdout for _, name in fields)
    assert json.loads(policy("show", "--json").stdout) == as_json


def test_a_shared_member_is_shown_to_its_webmaster_but_for_what_is_withheld(db: Database) -> None:
    with db.write.begin() as connection:
        webmaster = add_partner(connection, "w1")
        number = add_member(connection, "m1", webmaster=webmaster, username="a@b.example", username_harmless=False)
        set_usage_clock(connection, number, usage_clock_at=LONG_AGO)

    document = explained("webmaster:w1")

    assert (document["exists"], document["reasons"], document["refused"]) == (True, [], None)
    assert withheld(document) == {"username": ["username_identifying"], "device": ["retention_120_days"]}
    assert "a@b.example" not in policy("explain", "--as", "webmaster:w1", "--member", "m1").output


def test_every_reason_is_named_for_which_a_member_does_not_exist(db: Database) -> None:
    with db.write.begin() as connection:
        add_partner(connection, "w1")
        other = add_partner(connection, "w2")
        add_member(connection, "m1", webmaster=other, affiliate_sharing=False, objecting=True)

    document = explained("webmaster:w1")
    text = policy("explain", "--as", "webmaster:w1", "--member", "m1").output

    assert document["exists"] is False
    assert document["reasons"] == ["not_referred", "objection", "opted_out"]
    assert set(withheld(document)) == {field["field"] for field in document["fields"]}
    assert withheld(document)["country"] == document["reasons"]
    assert "The member does not exist for webmaster:w1: not_referred, objection, opted_out." in text


def test_the_card_follows_relation_and_scope(db: Database) -> None:
    with db.write.begin() as connection:
        number = add_member(connection, "m1", profile_visibility="private_chatted")
        add_relation(connection, add_model(connection, "mdl-1"), number, privately_chatted=True)
        add_relation(connection, add_model(connection, "mdl-2"), number)
        add_model(connection, "mdl-3")

    without_scope, with_scope = explained("model:mdl-1"), explained("model:mdl-1", "m1", "--sensitive")
    not_chatted, stranger = explained("model:mdl-2"), explained("model:mdl-3")

    assert withheld(without_scope)["profile.turn_ons"] == ["scope_missing"]
    assert not any(name.startswith("profile.") for name in withheld(with_scope))
    assert withheld(not_chatted)["profile.age"] == ["visibility_private_chatted"]
    assert (stranger["exists"], stranger["reasons"]) == (False, ["no_relation"])


def test_a_look_is_on_record_and_names_the_member(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_OPERATOR", "ada")
    with db.write.begin() as connection:
        number = add_member(connection, "m1", webmaster=add_partner(connection, "w1"))

    explained("webmaster:w1")
    explained("webmaster:w1", "nobody")

    log, about = access_log.c, access_subject.c
    columns = (log.client, log.operation, log.status, log.outcome, log.reason, about.member)
    with db.write.connect() as connection:
        told = connection.execute(
            select(*columns).outerjoin_from(access_log, access_subject, about.access == log.id).order_by(log.at)
        ).all()
    assert told == [
        ("operator:ada", "policy.explain", 200, "released", None, number),
        ("operator:ada", "policy.explain", 404, "not_found", "unknown", None),
    ]
    assert told[0].operation in OPERATIONS


def test_unknown_and_erased_members_are_told_apart(db: Database, keyring: Keyring, tmp_path: Path) -> None:
    with db.write.begin() as connection:
        add_partner(connection, "w1")
        add_member(connection, "m1")
        desk = Desk(connection, keyring, "m1", Journal(tmp_path, keyring))
        entered = desk.enter(Asked(RequestType.ERASURE, received_at=NOW, verified=True), now=NOW)
        desk.move(entered.request.id, Step(RequestAction.SETTLE), now=NOW)

    assert explained("webmaster:w1")["reasons"] == ["erased"]
    assert explained("webmaster:w1", "nobody")["reasons"] == ["unknown"]
    assert explained("webmaster:w1")["fields"] == []


@pytest.mark.parametrize(
    ("columns", "refused"),
    [
        ({"country": "US"}, "insufficient_scope"),
        ({"terms_accepted_at": None}, "insufficient_scope"),
        ({"terms_version": "0"}, "insufficient_scope"),
        ({"status": "suspended"}, "suspended"),
    ],
)
def test_a_webmaster_that_gets_no_rows_at_all_is_named(db: Database, columns: dict[str, Any], refused: str) -> None:
    """R28, R29."""
    with db.write.begin() as connection:
        add_member(connection, "m1", webmaster=add_partner(connection, "w1", **columns))

    document = explained("webmaster:w1")

    assert (document["exists"], document["refused"], document["reasons"]) == (False, refused, [])


@pytest.mark.parametrize(
    ("caller", "status"),
    [("webmaster:nobody", 1), ("model:nobody", 1), ("webmaster:auditor", 1), ("auditor", 2), ("webmaster:", 2)],
)
def test_a_caller_that_is_none_is_said(db: Database, caller: str, status: int) -> None:
    with db.write.begin() as connection:
        add_partner(connection, "auditor", kind="auditor")

    result = policy("explain", "--as", caller, "--member", "m1")

    assert result.exit_code == status
    assert "Error" in result.output
