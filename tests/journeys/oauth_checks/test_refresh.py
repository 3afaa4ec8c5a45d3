"""Checks 41 to 47: a refresh token is used once, by its client, for what was consented to, until that ends."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.journeys.oauth_checks.ours import Signed
from tests.journeys.oauth_checks.target import Answer, Client, Feature, Target, at_once, refused, unauthenticated
from tests.journeys.tracking import fields_of_first_grant


def test_check_41_each_use_brings_a_new_token(target: Target, tool: Client) -> None:
    first = target.tokens(tool)

    second = target.refresh(tool, first["refresh_token"]).json()
    third = target.refresh(tool, second["refresh_token"]).json()

    assert len({first["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3
    assert target.is_alive(tool, third["access_token"])


def test_check_42_a_lost_answer_may_be_asked_for_again(target: Target, tool: Client) -> None:
    first = target.tokens(tool)
    lost = target.refresh(tool, first["refresh_token"]).json()

    second = target.refresh(tool, first["refresh_token"])
    assert second.status_code == 200
    after = target.refresh(tool, second.json()["refresh_token"])

    assert after.status_code == 200
    assert refused(target.refresh(tool, lost["refresh_token"]), "invalid_grant")
    assert target.is_alive(tool, after.json()["access_token"])


def test_check_42_not_after_a_minute(target: Target, tool: Client) -> None:
    first = target.tokens(tool)
    second = target.refresh(tool, first["refresh_token"]).json()
    target.operator.age("refresh_token", timedelta(seconds=61))

    assert refused(target.refresh(tool, first["refresh_token"]), "invalid_grant")
    assert not target.is_alive(tool, second["access_token"])


def test_check_42_of_eight_that_refresh_at_once_one_token_is_left_that_works(target: Target, tool: Client) -> None:
    for _ in range(3):
        old = target.tokens(tool)["refresh_token"]
        successors: list[str] = []

        def refresh(old: str = old, successors: list[str] = successors) -> Answer:
            answer = target.refresh(tool, old)
            if answer.status_code == 200:
                successors.append(answer.json()["refresh_token"])
            return answer

        at_once(refresh)

        assert [target.refresh(tool, token).status_code for token in successors].count(200) == 1


def test_check_43_an_old_token_after_its_successor_was_used_ends_the_family(target: Target, tool: Client) -> None:
    first = target.tokens(tool)
    second = target.refresh(tool, first["refresh_token"]).json()
    third = target.refresh(tool, second["refresh_token"]).json()

    assert refused(target.refresh(tool, first["refresh_token"]), "invalid_grant")
    assert not any(target.is_alive(tool, got["access_token"]) for got in (first, second, third))
    assert refused(target.refresh(tool, third["refresh_token"]), "invalid_grant")


def test_check_44_another_client_is_refused_and_the_family_unharmed(target: Target, tool: Client) -> None:
    other = target.operator.tool()
    first = target.tokens(tool)

    assert refused(target.refresh(other, first["refresh_token"]), "invalid_grant")
    assert target.is_alive(tool, first["access_token"])
    assert target.refresh(tool, first["refresh_token"]).status_code == 200


def test_check_45_the_scope_may_shrink_and_come_back_and_never_grows(target: Target, tool: Client) -> None:
    """The gateway's tools have one scope, so what shrinks there stays the same."""
    whole = " ".join(target.tool_scopes)
    first = target.tokens(tool, scope=whole)

    wider = target.refresh(tool, first["refresh_token"], scope=f"{whole} cards:read")
    assert refused(wider, "invalid_scope")
    narrow = target.refresh(tool, first["refresh_token"], scope=target.tool_scopes[0]).json()
    again = target.refresh(tool, narrow["refresh_token"]).json()

    assert narrow["scope"] == target.tool_scopes[0]
    assert again["scope"] == whole


def test_check_46_the_client_has_to_prove_itself(target: Target, tool: Client) -> None:
    first = target.tokens(tool)
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}

    assert unauthenticated(target.refresh(replace(tool, secret="wrong"), first["refresh_token"]))
    assert target.post(form).status_code in {400, 401}
    assert unauthenticated(target.post(form | {"client_id": tool.id}))
    assert target.refresh(tool, first["refresh_token"]).status_code == 200


def test_check_47_all_ends_at_the_time_set_at_the_consent(target: Target, tool: Client) -> None:
    first = target.tokens(tool)
    second = target.refresh(tool, first["refresh_token"]).json()
    target.operator.age("grant", timedelta(days=90))

    assert refused(target.refresh(tool, second["refresh_token"]), "invalid_grant")
    assert not target.is_alive(tool, second["access_token"])


def test_check_47_withdrawal_binds_the_next_request(target: Target, tool: Client) -> None:
    target.needs(Feature.WITHDRAWAL)
    assert isinstance(target.person, Signed)
    visitor, got = target.person.visitor, target.tokens(tool)
    unredeemed = target.decided(tool)["code"]
    shown = visitor.get("/account")
    assert "Compass" in shown.text

    done = visitor.post("/account/withdraw", fields_of_first_grant(shown))

    assert done.headers["Location"] == "/account?withdrawn=1"
    assert not target.is_alive(tool, got["access_token"])
    assert refused(target.refresh(tool, got["refresh_token"]), "invalid_grant")
    assert refused(target.redeem(tool, unredeemed), "invalid_grant")


@pytest.mark.parametrize("whose", ["tool", "webmaster"])
def test_check_47_suspension_of_either_side_ends_all_for_good(target: Target, whose: str) -> None:
    target.needs(Feature.SUSPENSION)
    tool, person = target.operator.tool(partner=f"tool-of-{whose}"), target.operator.person(f"suspended-{whose}")
    here = replace(target, person=person)
    got = here.tokens(tool)
    suspended = tool if whose == "tool" else replace(tool, partner=person.partner)

    target.operator.suspend(suspended)
    assert not here.is_alive(tool, got["access_token"])
    assert here.refresh(tool, got["refresh_token"]).status_code in {400, 401}
    target.operator.resume(suspended)

    assert not here.is_alive(tool, got["access_token"])
    assert refused(here.refresh(tool, got["refresh_token"]), "invalid_grant")
