"""Where two operators are needed, one proposes a member-level scope, and only another lets it take effect."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from partners.postgres.database import Database
from partners.registry import RegistryError, approvals
from partners.tables.access import access_log
from partners.tables.operator import approval, operator_act
from tests.callers import basic
from tests.gateway.cli.commands import invoke, run_json

As = Callable[..., Any]


@pytest.fixture
def typed(environment: pytest.MonkeyPatch) -> As:
    """Run a command that succeeds as somebody; the rule is on."""

    def run_as(operator: str, *arguments: str) -> Any:
        environment.setenv("GATEWAY_OPERATOR", operator)
        return run_json(*arguments)

    run_as("alice", "partners", "add", "webmaster", "w1", "--name", "Web One")
    run_as("alice", "approvals", "require")
    return run_as


def scope_given(http: FlaskClient, client: dict[str, Any], **asked: str) -> str:
    """The scope of a token that a client gets, or the error."""
    header = basic(client["client_id"], client["client_secret"])
    answer = http.post("/oauth/token", data={"grant_type": "client_credentials"} | asked, headers=header).get_json()
    return str(answer.get("scope", answer.get("error")))


def test_a_member_level_scope_takes_effect_when_another_operator_approves(
    typed: As, http: FlaskClient, db: Database
) -> None:
    added = typed("alice", "clients", "add", "w1")
    proposal = added["proposed"]["approval"]
    before = (scope_given(http, added), scope_given(http, added, scope="members:read"))
    (waiting,) = typed("bob", "approvals", "list")

    typed("alice", "approvals", "list")
    by_herself = invoke("approvals", "approve", proposal)
    still = scope_given(http, added, scope="members:read")
    approved = typed("bob", "approvals", "approve", proposal)

    assert (added["scopes"], added["proposed"]["scopes"]) == (["stats:read"], ["members:read"])
    assert before == ("stats:read", "invalid_scope")
    assert (waiting["state"], waiting["proposed_by"]) == ("pending", "alice")
    assert (by_herself.exit_code, "somebody else" in by_herself.output, still) == (1, True, "invalid_scope")
    assert (approved["state"], approved["decided_by"]) == ("approved", "bob")
    assert scope_given(http, added) == "stats:read members:read"
    assert typed("bob", "approvals", "list") == []
    assert invoke("approvals", "approve", proposal).exit_code == 1
    assert recorded(db, proposal) == [
        ("oauth.approvals.propose", "operator:alice", "w1", "released", None),
        ("oauth.approvals.approve", "operator:alice", "w1", "denied", "insufficient_scope"),
        ("oauth.approvals.approve", "operator:bob", "w1", "released", None),
    ]


def test_a_refused_or_expired_proposal_comes_to_nothing(typed: As, http: FlaskClient, db: Database) -> None:
    added = typed("alice", "clients", "add", "w1")
    refused = typed("alice", "approvals", "refuse", added["proposed"]["approval"], "--reason", "typo")
    anew = typed("alice", "clients", "grant", added["client_id"], "--scope", "members:read")["proposed"]["approval"]
    twice = invoke("clients", "grant", added["client_id"], "--scope", "members:read")
    lapsed = datetime.now(UTC) - timedelta(seconds=1)
    with db.write.begin() as connection:
        connection.execute(update(approval).where(approval.c.id == anew).values(expires_at=lapsed))

    typed("bob", "approvals", "list")
    answers = [invoke("approvals", "approve", each) for each in (added["proposed"]["approval"], anew, "apr_none")]

    assert (refused["state"], twice.exit_code) == ("refused", 1)
    assert [answer.exit_code for answer in answers] == [1, 1, 1]
    assert [word in answer.output for word, answer in zip(("refused", "expired", "no"), answers, strict=True)]
    assert [each["state"] for each in typed("bob", "approvals", "list", "--all")] == ["refused", "expired"]
    assert scope_given(http, added, scope="members:read") == "invalid_scope"


def test_a_proposal_waits_for_seven_days(typed: As, db: Database) -> None:
    typed("alice", "clients", "add", "w1")
    with db.write.connect() as connection:
        (proposal,) = approvals.every(connection, now=datetime.now(UTC))
        states = [
            approvals.get(connection, proposal.id, now=proposal.proposed_at + after).state
            for after in (timedelta(days=7, seconds=-1), timedelta(days=7))
        ]
        with pytest.raises(RegistryError, match="expired"):
            approvals.approve(connection, proposal.id, operator="bob", now=proposal.proposed_at + timedelta(days=7))

    assert states == ["pending", "expired"]


def test_what_shows_no_single_member_needs_nobody_else(typed: As, http: FlaskClient) -> None:
    added = typed("alice", "clients", "add", "w1", "--scope", "members:read")
    granted = typed("alice", "clients", "grant", added["client_id"], "--scope", "stats:read")

    assert (added["scopes"], granted["scopes"], "proposed" in granted) == ([], ["stats:read"], False)
    assert scope_given(http, added) == "stats:read"
    assert typed("alice", "clients", "withdraw", added["client_id"], "--scope", "stats:read")["scopes"] == []
    assert scope_given(http, added) == "invalid_scope"


def test_archives_with_every_value_of_a_member_need_two(typed: As, http: FlaskClient) -> None:
    typed("alice", "partners", "add", "platform", "p1", "--name", "Platform")
    added = typed("alice", "clients", "add", "p1")

    assert (added["scopes"], added["proposed"]["scopes"]) == (["events:write"], ["privacy:write", "disclosures:read"])
    assert scope_given(http, added, scope="privacy:write") == "invalid_scope"


def test_a_grant_to_nobody_ends_no_rule(typed: As, db: Database) -> None:
    added = typed("alice", "clients", "add", "w1")["proposed"]["approval"]
    with db.write.begin() as connection:
        connection.execute(update(approval).where(approval.c.id == added).values(client=None))

    typed("bob", "approvals", "list")
    approved = invoke("approvals", "approve", added)

    assert (approved.exit_code, "names no client" in approved.output) == (1, True)
    assert "proposed" in typed("alice", "clients", "add", "w1")


def test_the_rule_ends_by_two_as_well(typed: As) -> None:
    waive = typed("alice", "approvals", "waive")["approval"]
    early = typed("alice", "clients", "add", "w1")
    by_herself = invoke("approvals", "approve", waive)
    typed("bob", "approvals", "approve", waive)

    assert by_herself.exit_code == 1
    assert "proposed" in early
    assert typed("alice", "clients", "add", "w1")["scopes"] == ["stats:read", "members:read"]


def test_what_is_proposed_for_a_partner_ends_with_it(typed: As, db: Database) -> None:
    proposal = typed("alice", "clients", "add", "w1")["proposed"]["approval"]
    typed("alice", "partners", "add", "webmaster", "w2", "--name", "Two")
    other = typed("alice", "clients", "add", "w2")["proposed"]["approval"]
    typed("carol", "partners", "close", "w1", "--reason", "left")

    assert [each["approval"] for each in typed("bob", "approvals", "list")] == [other]
    (ended, _) = typed("bob", "approvals", "list", "--all")
    assert (ended["approval"], ended["state"], ended["decided_by"]) == (proposal, "refused", "carol")
    assert "is refused" in invoke("approvals", "approve", proposal).output
    assert recorded(db, proposal)[-1] == ("oauth.approvals.refuse", "operator:carol", "w1", "released", None)


def recorded(db: Database, proposal: str) -> list[tuple[Any, ...]]:
    columns = access_log.c["operation", "client", "partner", "outcome", "reason"]
    joined = access_log.join(operator_act, access_log.c.request_id == operator_act.c.request_id)
    statement = select(*columns).select_from(joined).where(operator_act.c.subject == proposal)
    with db.write.connect() as connection:
        return [tuple(row) for row in connection.execute(statement.order_by(operator_act.c.number))]
