"""`gateway keys` shows when what is due, waits as long as it must, and puts every step on record with its operator."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from partners.postgres.database import Database
from partners.tables.access import access_log
from partners.tables.operator import operator_act
from tests.gateway.cli.commands import invoke, run, run_json


@pytest.fixture(autouse=True)
def typed_by_alice(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("GATEWAY_OPERATOR", "Alice")


def states() -> dict[str, str]:
    return {key["kid"]: key["state"] for key in run_json("keys", "list", "--all")}


def recorded(db: Database) -> Sequence[Any]:
    """What the access log and the journal beside it tell, in order."""
    columns = (*access_log.c["operation", "client", "outcome", "purpose"], *operator_act.c["subject", "detail"])
    joined = access_log.join(operator_act, access_log.c.request_id == operator_act.c.request_id)
    with db.write.connect() as connection:
        rows = connection.execute(select(*columns).select_from(joined).order_by(operator_act.c.number))
        return [tuple(row) for row in rows]


def test_a_key_is_added_waits_and_is_activated_only_with_a_reason(db: Database) -> None:
    (first,) = run_json("keys", "rotate")
    added = run_json("keys", "add")
    too_soon = invoke("keys", "activate", added["kid"], "--json")
    no_reason = invoke("keys", "activate", added["kid"], "--now")
    active = run_json("keys", "activate", added["kid"], "--now", "--reason", "audit finding 7")
    too_young = invoke("keys", "retire", first["kid"])
    signing = invoke("keys", "retire", added["kid"])

    assert (first["state"], added["state"], active["state"]) == ("active", "pending", "active")
    assert (too_soon.exit_code, no_reason.exit_code) == (1, 2)
    assert added["may_sign_from"][:19] in json.loads(too_soon.stdout)["error"]
    assert "see revoke" in too_young.output
    assert "activate another first" in signing.output
    assert states() == {first["kid"]: "retiring", added["kid"]: "active"}
    by_alice = ("operator:alice", "released", "security")
    assert recorded(db) == [
        ("oauth.keys.activate", *by_alice, first["kid"], {}),
        ("oauth.keys.add", *by_alice, added["kid"], {}),
        ("oauth.keys.activate", *by_alice, added["kid"], {"reason": "audit finding 7", "at_once": True}),
    ]


def test_a_revoked_key_is_succeeded_at_once(db: Database) -> None:
    (first,) = run_json("keys", "rotate")
    unexplained = invoke("keys", "revoke", first["kid"])

    (successor,) = run_json("keys", "revoke", first["kid"], "--reason", "found in a paste")

    assert unexplained.exit_code == 2
    assert states() == {first["kid"]: "retired", successor["kid"]: "active"}
    assert [(row[0], row[4], row[5]) for row in recorded(db)[1:]] == [
        ("oauth.keys.revoke", first["kid"], {"reason": "found in a paste"}),
        ("oauth.keys.activate", successor["kid"], {"instead_of": first["kid"]}),
    ]
    assert "there is no key nothing" in invoke("keys", "revoke", "nothing", "--reason", "x").output.lower()
    assert run("keys", "rotate").output.count("\n") == 2


def test_an_unfit_name_of_an_operator_is_refused(monkeypatch: pytest.MonkeyPatch, db: Database) -> None:
    monkeypatch.setenv("GATEWAY_OPERATOR", "a b")

    refused = invoke("keys", "add")

    assert (refused.exit_code, "GATEWAY_OPERATOR" in refused.output) == (1, True)
    assert recorded(db) == []
    assert states() == {}
