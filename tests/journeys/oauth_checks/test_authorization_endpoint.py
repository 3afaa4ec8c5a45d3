"""Checks 28 to 34: what a tool may ask a person for, and how it hears what became of it."""

from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.journeys.oauth_checks.target import STATE, Client, Target
from tests.journeys.tracking import told


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "",
        "https://compass.example/back",
        "https://compass.example/back/?app=1",
        "https://compass.example/back?app=1&x=2",
        "https://compass.example/Back?app=1",
        "https://COMPASS.example/back?app=1",
        "https://compass.example:443/back?app=1",
        "https://compass.example@evil.example/back?app=1",
        "https://compass.example/back?app=1#x",
        'https://compass.example/back?app=1"',
        "https://compass.example/back?app=1é",
        "https://other.example/back",
        "javascript:alert(1)",
        "//compass.example/back?app=1",
    ],
)
def test_check_28_another_redirect_uri_is_a_page_and_no_redirect(target: Target, tool: Client, uri: str | None) -> None:
    target.operator.tool("https://other.example/back")

    answer = target.asked(tool, redirect_uri=uri)

    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert answer.headers["Content-Type"].startswith("text/html")


def heard(target: Target, tool: Client, **other: Any) -> dict[str, str]:
    """The error that the client is told, with `state` and `iss` as they must be."""
    answer = target.asked(tool, **other)
    assert answer.status_code == 303
    back, sign, rest = answer.headers["Location"].partition(tool.redirect_uri)
    assert (back, sign) == ("", tool.redirect_uri)
    # Where the implicit flow is known, its errors travel in the fragment.
    assert rest[0] in ("&#" if "fragment" in target.metadata["response_modes_supported"] else "&")
    sent = {name: value for name, (value,) in parse_qs(rest[1:]).items()}
    assert (sent["state"], sent["iss"]) == (STATE, target.issuer)
    return sent


@pytest.mark.parametrize(
    "other",
    [
        {"code_challenge": None},
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge": "a" * 42},
        {"code_challenge": "a" * 44},
        {"code_challenge": "+" * 43},
    ],
    ids=str,
)
def test_check_29_a_challenge_by_s256_is_needed(target: Target, tool: Client, other: dict[str, Any]) -> None:
    assert heard(target, tool, **other)["error"] == "invalid_request"


@pytest.mark.parametrize("kind", ["token", "code id_token", '"\\é', None])
def test_check_30_codes_are_the_only_response(target: Target, tool: Client, kind: str | None) -> None:
    errors = {"unsupported_response_type"} if kind is not None else {"unsupported_response_type", "invalid_request"}

    assert heard(target, tool, response_type=kind)["error"] in errors


@pytest.mark.parametrize("state", ["xyz", "a b&c=%20+", None])
def test_check_31_state_comes_back_unchanged_or_stays_absent(target: Target, tool: Client, state: str | None) -> None:
    assert target.decided(tool, state=state).get("state") == state


def test_check_32_the_issuer_is_named_with_a_code(target: Target, tool: Client) -> None:
    sent = target.decided(tool)

    assert sent["code"]
    assert sent["iss"] == target.issuer == target.metadata["issuer"]
    assert target.metadata["authorization_response_iss_parameter_supported"] is True


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"scope": "cards:read"}, "invalid_scope"),
        ({"scope": "stats:read cards:read"}, "invalid_scope"),
        ({"response_mode": "nonsense"}, "invalid_request"),
        ({"request": "a.b.c"}, "request_not_supported"),
        ({"resource": "https://elsewhere.example"}, "invalid_target"),
    ],
    ids=str,
)
def test_check_32_state_and_issuer_are_told_with_every_error(
    target: Target, tool: Client, other: dict[str, str], error: str
) -> None:
    assert heard(target, tool, **other)["error"] == error


def test_check_33_a_repeated_parameter_is_an_error(target: Target, tool: Client) -> None:
    assert heard(target, tool, scope=["stats:read", "stats:read"])["error"] == "invalid_request"
    for name in ("redirect_uri", "client_id"):
        answer = target.asked(tool, **{name: [tool.asks()[name]] * 2})
        assert answer.status_code == 400
        assert "Location" not in answer.headers


@pytest.mark.parametrize("state", [["a", "b"], "é", "x" * 1_025], ids=lambda state: str(state)[:10])
def test_check_33_a_state_that_cannot_come_back_unchanged_is_an_error(
    target: Target, tool: Client, state: object
) -> None:
    sent = told(target.asked(tool, state=state))

    assert sent["error"] == "invalid_request"
    assert "state" not in sent


def test_check_34_denial_is_told_with_state_and_issuer(target: Target, tool: Client) -> None:
    sent = target.decided(tool, allow=False)

    assert sent.pop("error_description")
    assert sent == {"error": "access_denied", "state": STATE, "iss": target.issuer, "app": "1"}
