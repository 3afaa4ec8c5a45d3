"""Checks 20 to 27: what the token endpoint takes, and how it answers."""

import pytest
import requests
from authlib.oauth2.base import invalid_error_characters

from tests.journeys.oauth_checks.conftest import FEW_A_MINUTE, Apart
from tests.journeys.oauth_checks.target import TIMEOUT_S, Client, Target, refused, unauthenticated
from tests.journeys.tracking import from_address

GRANT = {"grant_type": "client_credentials"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_check_20_only_post_is_answered(target: Target, reader: Client, method: str) -> None:
    answer = requests.request(method, target.address("token"), data=GRANT, auth=reader.basic, timeout=TIMEOUT_S)

    assert answer.status_code in {400, 404, 405}
    assert "access_token" not in answer.text


def test_check_20_parameters_come_as_one_form(target: Target, reader: Client) -> None:
    auth = reader.basic
    body = "grant_type=client_credentials"
    answers = [
        target.http.post(target.address("token"), json=GRANT, auth=auth, timeout=TIMEOUT_S),
        target.post(body, headers={"Content-Type": "text/plain"}, auth=auth),
        target.post({}, params=GRANT, auth=auth),
        target.post(f"{body}&{body}", headers=FORM, auth=auth),
        target.post(f"{body}&scope=stats:read&scope=members:read", headers=FORM, auth=auth),
    ]

    assert [refused(answer, "invalid_request") for answer in answers] == [True] * len(answers)


def test_check_20_nothing_in_the_address_counts_beside_a_form(target: Target, reader: Client) -> None:
    answer = target.post(GRANT | {"scope": "stats:read"}, params={"scope": "members:read"}, auth=reader.basic)

    assert answer.status_code == 400 or answer.json()["scope"] == "stats:read"


@pytest.mark.parametrize(
    "grant",
    ["password", "implicit", "nonsense", '"\\é', "x" * 5_000, "client_credentials "],
    ids=lambda grant: repr(grant)[:20],
)
def test_check_21_other_grants_are_refused(target: Target, reader: Client, grant: str) -> None:
    assert refused(target.grant(reader, grant_type=grant, username="a", password="b"), "unsupported_grant_type")


@pytest.mark.parametrize("grant", ["authorization_code", "refresh_token"])
def test_check_21_a_grant_that_the_client_was_not_given_is_refused(target: Target, reader: Client, grant: str) -> None:
    answer = target.grant(reader, grant_type=grant, code="x", refresh_token="x", redirect_uri="x", code_verifier="x")

    assert refused(answer, "unauthorized_client")


def test_check_22_the_answer_is_for_nobody_else_and_short_lived(target: Target, reader: Client) -> None:
    answer = target.grant(reader, scope="stats:read")

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"].partition(";")[0] == "application/json"
    told = answer.json()
    assert told.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert (told["token_type"], told["scope"]) == ("Bearer", "stats:read")
    assert 0 < told["expires_in"] <= 600


@pytest.mark.parametrize("scope", ["cards:read", "stats:read cards:read", "stats:read members:read", "nonsense"])
def test_check_23_a_scope_beyond_the_registered_is_refused_whole(target: Target, scope: str) -> None:
    narrow = target.operator.reader(scopes=("stats:read",))

    assert refused(target.grant(narrow, scope=scope), "invalid_scope")


def test_check_24_no_scope_means_the_registered_ones_which_are_told(target: Target, reader: Client) -> None:
    assert target.grant(reader).json()["scope"] == "stats:read members:read"


def test_check_25_descriptions_keep_to_their_characters(target: Target, reader: Client) -> None:
    odd = '"\\é\n\x00'
    answers = [
        target.grant(reader, scope=odd),
        target.grant(reader, grant_type=odd),
        target.post(GRANT | {"client_id": odd}),
        target.present(odd),
        target.post({odd: odd}, auth=reader.basic),
        target.post(GRANT),
        target.post("x" * 70_000, headers=FORM),
    ]

    for answer in answers:
        assert 400 <= answer.status_code < 500
        assert not invalid_error_characters(answer.json()["error_description"])


def test_check_26_plain_http_from_afar_is_refused_cleanly(target: Target, reader: Client) -> None:
    answer = target.post(GRANT, auth=reader.basic, headers={"Host": "gateway.example"})

    assert 400 <= answer.status_code < 500
    assert "access_token" not in answer.text


def test_check_27_failures_from_one_address_are_limited_and_lock_nobody_else_out(apart: Apart) -> None:
    here = apart.target
    client = here.operator.reader()

    answers = [here.post(GRANT, auth=(client.id, "guess")) for _ in range(FEW_A_MINUTE + 1)]
    elsewhere = from_address("127.0.0.2").post(here.address("token"), GRANT, auth=client.basic, timeout=TIMEOUT_S)

    assert all(unauthenticated(answer) for answer in answers[:-1])
    assert answers[-1].status_code == 429
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert here.grant(client).status_code == 429
    assert elsewhere.status_code == 200
