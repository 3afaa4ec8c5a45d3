"""Checks 9 to 19: clients that prove themselves by an assertion signed with their own key."""

from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.callers import FromNow, Key, sign, signed_anyhow
from tests.journeys.oauth_checks.conftest import Apart
from tests.journeys.oauth_checks.target import Client, Target, at_once, unauthenticated

EC = ECKey.generate_key("P-256", {"kid": "key-1"})
ED = OKPKey.generate_key("Ed25519", {"kid": "key-1"})
RSA = RSAKey.generate_key(2048, {"kid": "key-1"})


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(EC, "ES256"), (ED, "Ed25519"), (ED, "EdDSA"), (RSA, "PS256")],
    ids=["ES256", "Ed25519", "EdDSA", "PS256"],
)
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_check_09_every_promised_algorithm_is_taken(target: Target, key: Key, algorithm: str) -> None:
    client = target.operator.signer(key)

    assert target.present(target.assertion(client, {"alg": algorithm})).status_code == 200


@pytest.mark.parametrize("algorithm", ["RS256", "PS512"])
def test_check_10_other_algorithms_of_a_key_are_refused(target: Target, algorithm: str) -> None:
    client = target.operator.signer(RSA)

    assert unauthenticated(target.present(target.assertion(client, {"alg": algorithm})))


def test_check_10_forged_signatures_are_refused(target: Target, signer: Client) -> None:
    good, claims = target.assertion(signer), target.claims(signer)
    stranger = ECKey.generate_key("P-256", {"kid": "key-1"})
    confused = signed_anyhow(signer.key, {"alg": "HS256", "kid": "key-1"}, claims)

    for forged in (
        confused,
        "eyJhbGciOiJub25lIn0." + good.split(".")[1] + ".",
        good[:-4] + "AAAA",
        target.assertion(signer, key=stranger),
        target.assertion(signer, {"kid": "unknown"}),
        sign(ED, {"alg": "Ed25519", "kid": "key-1"}, claims),
    ):
        assert unauthenticated(target.present(forged)), forged


@pytest.mark.parametrize(
    "claims",
    [
        *({name: None} for name in ("iss", "sub", "aud", "exp", "jti")),
        {"iss": "cl_other"},
        {"sub": "cl_other"},
    ],
    ids=str,
)
def test_check_11_every_claim_is_needed_and_names_this_client(
    target: Target, signer: Client, claims: dict[str, Any]
) -> None:
    assert unauthenticated(target.present(target.assertion(signer, **claims)))


def test_check_11_the_subject_is_the_client_that_signs(target: Target, signer: Client) -> None:
    other = target.operator.signer()

    assert unauthenticated(target.present(target.assertion(signer, iss=other.id, sub=other.id)))
    assert target.present(target.assertion(signer), client_id=other.id).status_code in {400, 401}


@pytest.mark.parametrize("wrong", ["https://other.example", "/", "/token", ["issuer"], ["issuer", "other"]], ids=str)
def test_check_12_the_audience_is_the_issuer_and_nothing_else(target: Target, signer: Client, wrong: Any) -> None:
    named = {
        "/": f"{target.issuer}/",
        "/token": target.address("token"),
        "['issuer']": [target.issuer],
        "['issuer', 'other']": [target.issuer, "https://other.example"],
    }.get(str(wrong), wrong)

    assert unauthenticated(target.present(target.assertion(signer, aud=named)))


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": FromNow(-300)},
        {"exp": FromNow(10 * 365 * 86_400)},
        {"iat": FromNow(61)},
        {"iat": FromNow(-600)},
        {"nbf": FromNow(61)},
    ],
    ids=str,
)
def test_check_13_stale_and_far_assertions_are_refused(target: Target, signer: Client, claims: dict[str, Any]) -> None:
    assert unauthenticated(target.present(target.assertion(signer, **claims)))


@pytest.mark.parametrize("claims", [{"iat": FromNow(8), "nbf": FromNow(8)}, {"exp": FromNow(3_600)}], ids=str)
def test_check_14_clocks_may_differ_a_little(target: Target, signer: Client, claims: dict[str, Any]) -> None:
    assert target.present(target.assertion(signer, **claims)).status_code == 200


def test_check_15_an_assertion_is_used_once(target: Target, signer: Client) -> None:
    used = target.assertion(signer)

    assert target.present(used).status_code == 200
    assert unauthenticated(target.present(used))


def test_check_15_of_eight_uses_at_once_one_wins(target: Target, signer: Client) -> None:
    for _ in range(3):
        used = target.assertion(signer)

        assert at_once(lambda used=used: target.present(used)) == [200, *[401] * 7]


@pytest.mark.slow
def test_check_15_a_restart_forgets_no_use(apart: Apart) -> None:
    client = apart.target.operator.signer()
    used = apart.target.assertion(client)
    assert apart.target.present(used).status_code == 200

    apart.start()

    assert unauthenticated(apart.target.present(used))
    assert apart.target.present(apart.target.assertion(client)).status_code == 200


def test_check_16_an_access_token_is_no_assertion(target: Target, signer: Client) -> None:
    assert unauthenticated(target.present(target.token(signer)))
    assert unauthenticated(target.present(target.assertion(signer, {"typ": "at+jwt"})))


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        *(({}, {"sub": odd}) for odd in ('"', "\\")),
        *(({}, {name: odd}) for name in ("sub", "jti") for odd in ("\x00", "\ud800", {"a": [[]]}, ["x"])),
        ({}, {"jti": "x" * 10_000}),
        ({}, {"exp": float("nan")}),
        ({}, {"exp": 10**400}),
        ({}, {"iat": True}),
        ({}, {"aud": {"a": 1}}),
        *(({name: odd}, {}) for name in ("alg", "kid", "typ") for odd in ('"\\', "\x00", 7, {"a": []})),
        ({"crit": ["exp"]}, {}),
        ({"crit": ["b64"], "b64": False}, {}),
        ({"x": "y" * 10_000}, {}),
    ],
    ids=lambda part: repr(part)[:40],
)
def test_check_17_odd_assertions_are_refused(
    target: Target, signer: Client, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    usual = {"alg": "ES256", "kid": "key-1"}
    odd = signed_anyhow(signer.key, usual | header, target.claims(signer) | claims)

    assert unauthenticated(target.present(odd))


@pytest.mark.parametrize("odd", ["", ".", "..", "a.b.c", "é.é.é", "x" * 60_000, "eyJhbGciOiJFUzI1NiJ9.W10.AAAA"])
def test_check_17_what_is_no_assertion_is_refused(target: Target, odd: str) -> None:
    assert unauthenticated(target.present(odd))


def test_check_18_two_keys_overlap_during_rotation(target: Target) -> None:
    old, new = ECKey.generate_key("P-256", {"kid": "old"}), OKPKey.generate_key("Ed25519", {"kid": "new"})
    client = target.operator.signer(old)
    target.operator.set_keys(client, old, new)

    for key in (old, new):
        assert target.present(target.assertion(client, {"kid": key["kid"]}, key)).status_code == 200


def test_check_19_a_removed_key_is_dead_at_once(target: Target) -> None:
    old, new = ECKey.generate_key("P-256", {"kid": "old"}), ECKey.generate_key("P-256", {"kid": "new"})
    client = target.operator.signer(old)
    assert target.present(target.assertion(client, {"kid": "old"}, old)).status_code == 200

    target.operator.set_keys(client, new)

    assert unauthenticated(target.present(target.assertion(client, {"kid": "old"}, old)))
    assert target.present(target.assertion(client, {"kid": "new"}, new)).status_code == 200
