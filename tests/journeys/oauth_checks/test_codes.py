"""Checks 35 to 40: a code is good for a minute, once, for one client, address and verifier."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.journeys.oauth_checks.ours import Signed
from tests.journeys.oauth_checks.target import VERIFIER, Client, Feature, Target, at_once, refused, unauthenticated
from tests.journeys.tracking import challenge_of


def test_check_35_a_code_runs_out_after_a_minute(target: Target, tool: Client) -> None:
    code = target.decided(tool)["code"]
    target.operator.age("code", timedelta(seconds=61))

    assert refused(target.redeem(tool, code), "invalid_grant")


def test_check_36_it_is_bound_to_client_address_and_verifier(target: Target, tool: Client) -> None:
    other = target.operator.tool()
    code = target.decided(tool)["code"]

    assert refused(target.redeem(other, code), "invalid_grant")
    assert refused(target.redeem(tool, code, redirect_uri="https://compass.example/back"), "invalid_grant")
    assert refused(target.redeem(tool, code, code_verifier="b" * 43), "invalid_grant")
    assert refused(target.redeem(tool, code, code_verifier=challenge_of(VERIFIER)), "invalid_grant")
    assert refused(target.redeem(tool, code, code_verifier=None), "invalid_grant", "invalid_request")
    assert refused(target.redeem(tool, code, redirect_uri=None), "invalid_grant", "invalid_request")
    assert refused(target.redeem(tool, None), "invalid_grant", "invalid_request")
    assert target.redeem(tool, code).status_code == 200


def test_check_36_a_verifier_that_no_challenge_precedes_is_nothing(target: Target, tool: Client) -> None:
    """There is no code without a challenge (29), so a verifier alone can only come with a made-up code."""
    assert refused(target.redeem(tool, "made-up"), "invalid_grant")


@pytest.mark.parametrize("given", ["", "\x00", "é", "x" * 9_000], ids=["empty", "nul", "accent", "long"])
def test_check_36_what_is_no_code_is_refused(target: Target, tool: Client, given: str) -> None:
    assert refused(target.redeem(tool, given), "invalid_grant", "invalid_request")


def test_check_37_a_second_use_ends_what_the_first_gave(target: Target, tool: Client) -> None:
    code = target.decided(tool)["code"]
    first = target.redeem(tool, code).json()
    assert target.is_alive(tool, first["access_token"])

    assert refused(target.redeem(tool, code), "invalid_grant")

    assert not target.is_alive(tool, first["access_token"])
    assert refused(target.refresh(tool, first["refresh_token"]), "invalid_grant")


def test_check_38_a_replay_by_whoever_lacks_something_harms_nobody(target: Target, tool: Client) -> None:
    other = target.operator.tool()
    code = target.decided(tool)["code"]
    first = target.redeem(tool, code).json()

    assert refused(target.redeem(tool, code, code_verifier="b" * 43), "invalid_grant")
    assert refused(target.redeem(other, code), "invalid_grant")
    assert unauthenticated(target.redeem(replace(tool, secret="wrong"), code))

    assert target.is_alive(tool, first["access_token"])
    assert target.refresh(tool, first["refresh_token"]).status_code == 200


def test_check_39_of_eight_that_redeem_at_once_one_wins(target: Target, tool: Client) -> None:
    for _ in range(3):
        code = target.decided(tool)["code"]

        assert at_once(lambda code=code: target.redeem(tool, code)) == [200, *[400] * 7]


def test_check_40_no_page_tells_its_address_to_another_site(target: Target, tool: Client) -> None:
    asked = target.asked(tool)

    assert asked.headers["Referrer-Policy"] == "no-referrer"
    if isinstance(target.person, Signed):
        shown = target.person.shown(target.address("authorization"), tool.asks())
        assert shown.headers["Referrer-Policy"] == "no-referrer"


def test_check_40_no_code_and_no_token_is_logged(target: Target, tool: Client) -> None:
    target.needs(Feature.LOG)
    code = target.decided(tool)["code"]
    got = target.redeem(tool, code).json()
    target.read(got["access_token"])
    target.refresh(tool, "gwr_" + "not-a-token" * 4)

    written = target.operator.log()

    assert "/oauth/token" in written
    for secret in (code, got["access_token"], got["refresh_token"], VERIFIER, tool.secret, "not-a-token"):
        assert secret not in written
