"""Checks 48 to 53: a client ends and asks about its own tokens; what is published is true."""

import re

import pytest
import requests

from tests.journeys.oauth_checks.target import TIMEOUT_S, Client, Feature, Target, refused

INACTIVE = {"active": False}
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


@pytest.mark.parametrize("garbage", ["garbage", "a.b.c", "x" * 20_000, "é\x00", "gwr_" + "x" * 43], ids=lambda t: t[:9])
def test_check_48_what_is_no_token_is_as_good_as_revoked(target: Target, reader: Client, garbage: str) -> None:
    assert target.revoke(reader, garbage).status_code == 200


@pytest.mark.parametrize("hint", ["refresh_token", "access_token", "nonsense", '"\\é', ""])
def test_check_48_a_wrong_hint_still_works(target: Target, reader: Client, hint: str) -> None:
    token = target.token(reader)

    assert target.told_about(reader, token, token_type_hint=hint)["active"] is True
    assert target.revoke(reader, token, token_type_hint=hint).status_code == 200
    assert target.told_about(reader, token) == INACTIVE


def test_check_49_another_clients_token_is_refused_and_lives_on(target: Target, tool: Client, reader: Client) -> None:
    finder = target.operator.tool()
    got, own = target.tokens(tool), target.token(reader)

    for token in (got["refresh_token"], got["access_token"], own):
        answer = target.revoke(finder, token)
        assert answer.status_code == 400, answer.text

    assert target.is_alive(tool, got["access_token"])
    assert target.told_about(reader, own)["active"] is True
    assert target.refresh(tool, got["refresh_token"]).status_code == 200


def test_check_50_a_revoked_access_token_is_dead_at_the_next_request(target: Target, reader: Client) -> None:
    token, other = target.token(reader), target.token(reader)
    assert target.is_alive(reader, token)

    assert target.revoke(reader, token).status_code == 200

    assert not target.is_alive(reader, token)
    assert target.is_alive(reader, other)


def test_check_50_a_revoked_refresh_token_takes_its_access_tokens_with_it(target: Target, tool: Client) -> None:
    got = target.tokens(tool)

    assert target.revoke(tool, got["refresh_token"]).status_code == 200

    assert not target.is_alive(tool, got["access_token"])
    assert refused(target.refresh(tool, got["refresh_token"]), "invalid_grant")


def test_check_51_only_ones_own_living_tokens_are_told_about(target: Target, tool: Client, reader: Client) -> None:
    other = target.operator.tool()
    got = target.tokens(tool)
    revoked = target.token(reader)
    target.revoke(reader, revoked)

    assert target.told_about(tool, got["access_token"])["client_id"] == tool.id
    assert target.told_about(tool, got["refresh_token"])["active"] is True
    for client, token in (
        (other, got["access_token"]),
        (other, got["refresh_token"]),
        (reader, revoked),
        (reader, "garbage"),
        (reader, "é\x00"),
        (reader, "x" * 20_000),
    ):
        assert target.told_about(client, token) == INACTIVE


def test_check_51_an_expired_token_is_not_active(target: Target, reader: Client) -> None:
    target.needs(Feature.SIGNED_TOKENS)
    expired = target.operator.signed_like(target.token(reader), {}, {"exp": -1})

    assert target.told_about(reader, expired) == INACTIVE


def test_check_52_the_metadata_are_where_their_issuer_says(target: Target) -> None:
    address = re.sub(r"^(https?://[^/]+)", r"\1/.well-known/oauth-authorization-server", target.issuer)

    document = requests.get(address, timeout=TIMEOUT_S).json()

    assert document["issuer"] == target.issuer == target.url
    assert document == target.metadata


def test_check_52_every_advertised_endpoint_answers(target: Target, reader: Client) -> None:
    names = [name.removesuffix("_endpoint") for name in target.metadata if name.endswith("_endpoint")]
    assert {"token", "revocation", "introspection", "authorization", "pushed_authorization_request"} <= set(names)

    for name in names:
        answer = target.http.get(target.address(name), timeout=TIMEOUT_S, allow_redirects=False)
        posted = target.post({}, name, auth=reader.basic)
        assert {answer.status_code, posted.status_code} & {200, 201, 303, 400, 401, 403}, name
        assert max(answer.status_code, posted.status_code) < 500, name
    assert requests.get(target.metadata["jwks_uri"], timeout=TIMEOUT_S).status_code == 200


def test_check_52_nothing_is_advertised_that_is_refused(target: Target, reader: Client) -> None:
    assert target.metadata["response_types_supported"] == ["code"]
    assert target.metadata["code_challenge_methods_supported"] == ["S256"]
    assert not {"RS256", "HS256", "none"} & set(target.metadata["token_endpoint_auth_signing_alg_values_supported"])
    assert set(target.metadata["token_endpoint_auth_methods_supported"]) <= {"client_secret_basic", "private_key_jwt"}
    for grant in target.metadata["grant_types_supported"]:
        assert not refused(target.grant(reader, grant_type=grant), "unsupported_grant_type"), grant


def test_check_53_the_published_keys_are_public_distinct_and_strong(target: Target) -> None:
    keys = requests.get(target.metadata["jwks_uri"], timeout=TIMEOUT_S).json()["keys"]

    assert keys
    assert len({key["kid"] for key in keys}) == len(keys)
    for key in keys:
        assert not PRIVATE & key.keys()
        assert key["kty"] in {"EC", "OKP"} or len(key["n"]) >= 2048 // 8 * 4 // 3
