"""Public keys are checked when they are registered, so that no signature check can be surprised later."""

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from partners.registry import RegistryError, jwks
from partners.registry.jwks import CLIENT_ALGORITHMS, ISSUER_ALGORITHMS

EC: dict[str, Any] = dict(ECKey.generate_key("P-256").as_dict(private=False))
ED: dict[str, Any] = dict(OKPKey.generate_key("Ed25519").as_dict(private=False))
RSA: dict[str, Any] = dict(RSAKey.generate_key(2048).as_dict(private=False))
WEAK: dict[str, Any] = RSA | {"n": urlsafe_b64encode(b"\xff" * 128).rstrip(b"=").decode()}
PRIVATE: dict[str, Any] = dict(ECKey.generate_key("P-256").as_dict(private=True))


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (EC, "ES256"),
        (ED, "Ed25519"),
        (ED | {"alg": "EdDSA"}, "Ed25519"),
        (RSA, "PS256"),
        (RSA | {"key_ops": ["verify"], "x5c": ["ignored"]}, "PS256"),
    ],
)
def test_a_key_is_kept_with_what_verification_needs_only(key: dict[str, Any], algorithm: str) -> None:
    (kept,) = jwks.checked({"keys": [key]}, CLIENT_ALGORITHMS)["keys"]

    assert kept["alg"] == algorithm
    assert kept["use"] == "sig"
    assert set(kept) <= {"kty", "crv", "x", "y", "n", "e", "kid", "use", "alg"}


def test_an_issuers_rsa_key_is_bound_to_no_padding_unless_it_says_so() -> None:
    (free,) = jwks.checked({"keys": [RSA]}, ISSUER_ALGORITHMS)["keys"]
    (bound,) = jwks.checked({"keys": [RSA | {"alg": "RS256"}]}, ISSUER_ALGORITHMS)["keys"]

    assert "alg" not in free
    assert bound["alg"] == "RS256"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "1 to 20"),
        ([], "1 to 20"),
        ({}, "1 to 20"),
        ({"keys": []}, "1 to 20"),
        ({"keys": {}}, "1 to 20"),
        ({"keys": [EC | {"kid": str(n)} for n in range(21)]}, "1 to 20"),
        ({"keys": ["key"]}, "not an object"),
        ({"keys": [PRIVATE]}, "private member `d`"),
        ({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}, "private member `k`"),
        ({"keys": [{"kty": "oct"}]}, "EC, OKP or RSA"),
        ({"keys": [{"kty": ["EC"]}]}, "EC, OKP or RSA"),
        ({"keys": [{}]}, "EC, OKP or RSA"),
        ({"keys": [WEAK]}, "has 1024 bits"),
        ({"keys": [RSA | {"e": "AQAAAAE"}]}, "exponent of 33 bits"),
        ({"keys": [RSA | {"e": 3}]}, "not a valid public key"),
        ({"keys": [dict(ECKey.generate_key("P-384").as_dict(private=False))]}, "P-256"),
        ({"keys": [dict(OKPKey.generate_key("X25519").as_dict(private=False))]}, "Ed25519"),
        ({"keys": [EC | {"x": EC["y"]}]}, "not a valid public key"),
        ({"keys": [EC | {"x": "!"}]}, "not a valid public key"),
        ({"keys": [EC | {"x": 7}]}, "not a valid public key"),
        ({"keys": [{"kty": "EC", "crv": "P-256"}]}, "not a valid public key"),
        ({"keys": [RSA | {"n": "!"}]}, "not a valid public key"),
        ({"keys": [RSA | {"alg": "RS256"}]}, "PS256"),
        ({"keys": [EC | {"alg": "HS256"}]}, "ES256"),
        ({"keys": [EC | {"alg": ["ES256"]}]}, "ES256"),
        ({"keys": [EC | {"use": "enc"}]}, "signatures"),
        ({"keys": [EC | {"key_ops": ["sign"]}]}, "verifying"),
        ({"keys": [EC | {"kid": ""}]}, "`kid`"),
        ({"keys": [EC | {"kid": 7}]}, "`kid`"),
        ({"keys": [EC | {"kid": "a\x00"}]}, "`kid`"),
        ({"keys": [EC | {"kid": "1"}, ED | {"kid": "1"}]}, "same `kid`"),
        ({"keys": [EC | {"kid": "1"}, ED]}, "needs a `kid`"),
    ],
)
def test_unfit_sets_are_refused_by_name(document: object, said: str) -> None:
    with pytest.raises(RegistryError, match=said):
        jwks.checked(document, CLIENT_ALGORITHMS)


def test_a_key_is_found_by_name_or_as_the_only_one() -> None:
    named = jwks.checked({"keys": [EC | {"kid": "1"}, ED | {"kid": "2"}]}, CLIENT_ALGORITHMS)
    single = jwks.checked({"keys": [EC]}, CLIENT_ALGORITHMS)
    single_named = jwks.checked({"keys": [EC | {"kid": "1"}]}, CLIENT_ALGORITHMS)

    assert isinstance(jwks.find(named, "2"), OKPKey)
    assert jwks.find(named, "3") is None
    assert jwks.find(named, None) is None
    assert isinstance(jwks.find(single, None), ECKey)
    assert isinstance(jwks.find(single, "whatever the client calls it"), ECKey)
    assert isinstance(jwks.find(single_named, None), ECKey)
    assert jwks.find(single_named, "2") is None
    assert jwks.find(None, "1") is None
