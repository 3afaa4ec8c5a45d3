"""Checks 66 to 68: tokens that are bound to a key (RFC 9449), by whom and how often a proof is good."""

import http.client
import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from joserfc.jwk import ECKey, OctKey

from tests.callers import FromNow
from tests.journeys.oauth_checks.target import Answer, Client, Feature, Target, at_once, refused
from tests.proofs import Prover, ath_of

DATA = "/v1/webmaster/campaigns"
FORM = {"grant_type": "client_credentials"}
TEXTS: dict[str, Callable[[str], str]] = {
    "a broken signature": lambda proof: proof[:-6] + ("AAAAAA" if proof[-6:] != "AAAAAA" else "BBBBBB"),
    "another payload": lambda proof: ".".join((proof.split(".")[0], "e30", proof.split(".")[2])),
    "nothing": lambda _: "",
    "no JWT": lambda _: "proof",
    "five parts": lambda proof: f"{proof}.x.y",
    "two in one header": lambda proof: f"{proof}, {proof}",
}


def bad_claims(issuer: str, path: str) -> dict[str, dict[str, Any]]:
    return {
        "no jti": {"jti": None},
        "an empty jti": {"jti": ""},
        "a jti that is a number": {"jti": 7},
        "a jti that is too long": {"jti": "x" * 256},
        "no htm": {"htm": None},
        "another method": {"htm": "PUT"},
        "a method in small letters": {"htm": "get" if path == DATA else "post"},
        "no htu": {"htu": None},
        "another path": {"htu": f"{issuer}/oauth/introspect"},
        "another host": {"htu": f"http://evil.example{path}"},
        "another scheme": {"htu": issuer.replace("http:", "https:") + path},
        "another port": {"htu": f"http://127.0.0.1:1{path}"},
        "a path alone": {"htu": path},
        "a list of addresses": {"htu": [issuer + path]},
        "no iat": {"iat": None},
        "an iat that is a text": {"iat": "now"},
        "an hour old": {"iat": FromNow(-3_600)},
        "of in an hour": {"iat": FromNow(3_600)},
        "half a minute ahead": {"iat": FromNow(30)},
        "expired": {"exp": FromNow(-1)},
        "not yet good": {"nbf": FromNow(3_600)},
    }


def bad_headers(key: Any) -> dict[str, dict[str, Any]]:
    public = key.as_dict(private=False)
    return {
        "no typ": {"typ": None},
        "another typ": {"typ": "JWT"},
        "an access token's typ": {"typ": "at+jwt"},
        "no alg": {"alg": None},
        "the alg none": {"alg": "none"},
        "a symmetric alg": {"alg": "HS256"},
        "an alg of another kind of key": {"alg": "PS256"},
        "a critical header": {"crit": ["b64"], "b64": False},
        "no key": {"jwk": None},
        "a key that is a text": {"jwk": "key"},
        "a private key": {"jwk": key.as_dict(private=True)},
        "a symmetric key": {"jwk": OctKey.generate_key(256).as_dict(private=True)},
        "another's key": {"jwk": ECKey.generate_key("P-256").as_dict(private=False)},
        "a key for encryption": {"jwk": public | {"use": "enc"}},
        "a key that is no point of its curve": {"jwk": public | {"y": public["x"]}},
    }


CLAIMS = (*bad_claims("", ""), "no ath", "an ath that is none", "another token's ath")
HEADERS = tuple(bad_headers(ECKey.generate_key("P-256")))


def bad_proof(name: str, prover: Prover, request: tuple[str, str], token: str | None = None) -> str:
    """A proof for a request that is bad in one way."""
    method, path = request
    if name in TEXTS:
        return TEXTS[name](prover.proof(method, path, token=token))
    if name in HEADERS:
        return prover.proof(method, path, token=token, header=bad_headers(prover.key)[name])
    about_token = {
        "no ath": {"ath": None},
        "an ath that is none": {"ath": "é"},
        "another token's ath": {"ath": ath_of(f"{token}x")},
    }
    return prover.proof(method, path, token=token, **(bad_claims(prover.home, path) | about_token)[name])


@pytest.fixture
def prover(target: Target) -> Prover:
    """Somebody with a key; leaves the check out where keys mean nothing."""
    target.needs(Feature.BOUND_TOKENS)
    return Prover(home=target.issuer)


def path_of(target: Target) -> str:
    """The token endpoint's."""
    return target.address("token").removeprefix(target.issuer)


def asked(target: Target, client: Client, proof: str) -> Answer:
    """Ask for a token with a proof."""
    return target.post(FORM, auth=client.basic, headers={"DPoP": proof})


def bound(target: Target, client: Client, prover: Prover) -> str:
    """A token that is bound to a key."""
    answer = asked(target, client, prover.proof("POST", path_of(target)))
    assert (answer.status_code, answer.json()["token_type"]) == (200, "DPoP"), answer.text
    token: str = answer.json()["access_token"]
    return token


def used(target: Target, headers: dict[str, str], path: str = DATA) -> Answer:
    """Ask the API."""
    target.needs(Feature.API)
    return target.http.get(target.url + path, headers=headers, timeout=10)


def error_of(answer: Answer) -> str:
    """The error of a challenge by the scheme DPoP."""
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("DPoP "), challenge
    assert 'algs="ES256 ' in challenge
    return challenge.partition('error="')[2].partition('"')[0]


def test_check_66_a_bound_token_in_other_hands_is_worth_nothing(target: Target, reader: Client, prover: Prover) -> None:
    token = bound(target, reader, prover)

    as_bearer = used(target, {"Authorization": f"Bearer {token}"})
    without = used(target, {"Authorization": f"DPoP {token}"})
    by_another = used(target, Prover(home=target.issuer).headers(token, DATA))

    assert [answer.status_code for answer in (as_bearer, without, by_another)] == [401] * 3
    assert error_of(as_bearer) == error_of(by_another) == "invalid_token"
    assert error_of(without) == "invalid_dpop_proof"


def test_check_66_a_bearer_token_gains_nothing_by_a_proof(target: Target, reader: Client, prover: Prover) -> None:
    token = target.token(reader)

    assert error_of(used(target, prover.headers(token, DATA))) == "invalid_token"
    assert used(target, {"Authorization": f"Bearer {token}"}).status_code == 200


@pytest.mark.parametrize("name", [name for name in (*CLAIMS, *HEADERS, *TEXTS) if " ath" not in name])
def test_check_67_no_bad_proof_gives_a_token(target: Target, reader: Client, prover: Prover, name: str) -> None:
    proof = bad_proof(name, prover, ("POST", path_of(target)))

    assert refused(asked(target, reader, proof), "invalid_dpop_proof")


def test_check_67_two_headers_are_refused(target: Target, reader: Client, prover: Prover) -> None:
    proofs = [prover.proof("POST", path_of(target)) for _ in range(2)]

    assert two_headers(target, reader, proofs) == (400, "invalid_dpop_proof")


@pytest.fixture(scope="module")
def opened(target: Target, reader: Client) -> tuple[Prover, str]:
    """Somebody with a key and a token that is bound to it."""
    target.needs(Feature.BOUND_TOKENS, Feature.API)
    holder = Prover(home=target.issuer)
    return holder, bound(target, reader, holder)


@pytest.mark.parametrize("name", [*CLAIMS, *HEADERS, *TEXTS])
def test_check_67_no_bad_proof_opens_anything(target: Target, opened: tuple[Prover, str], name: str) -> None:
    holder, token = opened
    proof = bad_proof(name, holder, ("GET", DATA), token)

    answer = used(target, {"Authorization": f"DPoP {token}", "DPoP": proof})

    assert (answer.status_code, error_of(answer)) == (401, "invalid_dpop_proof")
    assert used(target, holder.headers(token, DATA)).status_code == 200


def test_check_67_of_eight_that_use_a_proof_at_once_one_gets_a_token(
    target: Target, reader: Client, prover: Prover
) -> None:
    """On two workers that share nothing but the database."""
    for _ in range(3):
        proof = prover.proof("POST", path_of(target))
        assert at_once(lambda: asked(target, reader, proof)) == [200, *[400] * 7]  # noqa: B023 - awaited here


def test_check_67_of_eight_that_use_a_proof_at_once_one_is_answered(
    target: Target, reader: Client, prover: Prover
) -> None:
    token = bound(target, reader, prover)
    for _ in range(3):
        headers = prover.headers(token, DATA)
        assert at_once(lambda: used(target, headers)) == [200, *[401] * 7]  # noqa: B023 - awaited here


@pytest.mark.parametrize(
    "claims",
    [
        {"iat": FromNow(8)},
        {"iat": FromNow(-8)},
        {"iat": FromNow(-0.5)},
        {"more": {"claims": [1]}, "exp": FromNow(60)},
    ],
    ids=str,
)
def test_check_68_clocks_may_differ_and_more_may_be_claimed(
    target: Target, reader: Client, prover: Prover, claims: dict[str, Any]
) -> None:
    assert asked(target, reader, prover.proof("POST", path_of(target), **claims)).status_code == 200
    if Feature.API in target.features:
        token = bound(target, reader, prover)
        assert used(target, prover.headers(token, DATA, **claims)).status_code == 200


def test_check_68_an_address_may_be_spelt_otherwise(target: Target, reader: Client, prover: Prover) -> None:
    scheme, _, rest = target.address("token").partition("://")
    for htu in (f"{scheme.upper()}://{rest}", f"{scheme}://{rest}?a=b&c=d#e"):
        assert asked(target, reader, prover.proof("POST", path_of(target), htu=htu)).status_code == 200, htu


def test_check_68_the_query_of_an_address_does_not_count(target: Target, reader: Client, prover: Prover) -> None:
    token, path = bound(target, reader, prover), "/v1/webmaster/stats"
    asked_with = f"{path}?from=2026-10-01&to=2026-10-02"

    for htu in (path, asked_with, f"{path}?other=query#fragment"):
        assert used(target, prover.headers(token, path, htu=target.issuer + htu), asked_with).status_code == 200


def two_headers(target: Target, client: Client, proofs: list[str]) -> tuple[int, str]:
    """Ask for a token with a header line for each proof; return the status and error."""
    place = urlsplit(target.address("token"))
    connection = http.client.HTTPConnection(place.netloc, timeout=10)
    body = urlencode(FORM).encode()
    connection.putrequest("POST", place.path)
    connection.putheader("Authorization", "Basic " + b64encode(":".join(client.basic or ()).encode()).decode())
    connection.putheader("Content-Type", "application/x-www-form-urlencoded")
    connection.putheader("Content-Length", str(len(body)))
    for proof in proofs:
        connection.putheader("DPoP", proof)
    connection.endheaders(body)
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    return answer.status, document["error"]
