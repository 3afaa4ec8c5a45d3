"""`gateway people`: invitations are shown once, and who is kept out is."""

import pytest

from tests.gateway.cli.commands import invoke, run, run_json


@pytest.fixture(autouse=True)
def with_a_webmaster(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("GATEWAY_ISSUER", "https://gateway.example")
    run("partners", "add", "webmaster", "w1", "--name", "Web One")


def test_an_invitation_is_shown_once() -> None:
    added = run_json("people", "add", "w1", "Anna@Example.com")

    assert added["invitation"].startswith("https://gateway.example/account/set-up?invitation=gwi_")
    assert added["name"] == "anna@example.com"
    assert run_json("people", "list", "w1") == [{name: added[name] for name in added if name != "invitation"}]


def test_another_invitation_replaces_the_first_and_people_are_suspended_and_resumed() -> None:
    first = run_json("people", "add", "w1", "anna")
    second = run_json("people", "invite", "anna")

    assert first["invitation"] != second["invitation"]
    assert run_json("people", "suspend", "anna")["status"] == "suspended"
    assert run_json("people", "resume", "anna")["status"] == "active"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "w1", "ann\u00e9"), "A name for signing in"),
        (("add", "w2", "anna"), "There is no partner w2"),
        (("add", "w1", "BEN"), "There is somebody called ben already"),
        (("invite", "carl"), "There is nobody called carl"),
    ],
)
def test_what_is_wrong_is_said(arguments: tuple[str, ...], said: str) -> None:
    run("people", "add", "w1", "ben")

    result = invoke("people", *arguments)

    assert result.exit_code == 1
    assert said in result.output
