"""Public keys of others as JWK sets (RFC 7517): checked when they are registered, found when a signature comes."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey
from joserfc.util import base64_to_int

from partners.registry import RegistryError

PublicKey: TypeAlias = ECKey | OKPKey | RSAKey

CLIENT_ALGORITHMS = frozenset({"ES256", "Ed25519", "EdDSA", "PS256"})
"""What a client may sign its assertions with (contract §1)."""
ISSUER_ALGORITHMS = CLIENT_ALGORITHMS | {"RS256"}
"""What a session issuer may sign with: any asymmetric algorithm of common use."""
LEAST_RSA_BITS = 2048
MOST_RSA_BITS = 8192
MOST_RSA_EXPONENT_BITS = 32
"""A check takes as long as the exponent has bits; common ones have 2 or 17."""
MOST_KEYS = 20
LONGEST_KID = 255
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_PUBLIC_MEMBERS = {"EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "RSA": ("n", "e")}
_CURVES = {"EC": "P-256", "OKP": "Ed25519"}
_ALGORITHMS_OF_TYPE = {"EC": ("ES256",), "OKP": ("Ed25519", "EdDSA"), "RSA": ("PS256", "RS256")}


def checked(document: object, algorithms: Collection[str]) -> dict[str, Any]:
    """Return the set with only what verification needs; raise `RegistryError` naming everything that is wrong."""
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS:
        raise RegistryError(f"a JWK set is an object with 1 to {MOST_KEYS} `keys`")
    named = [(f"key {position}", key) for position, key in enumerate(keys, start=1)]
    faults = [f"{name} {fault}" for name, key in named for fault in _faults_of(key, algorithms)]
    faults += _faults_of_kids([key.get("kid") for key in keys if isinstance(key, dict)])
    if faults:
        raise RegistryError("; ".join(faults))
    return {"keys": [_accepted(key, algorithms) for key in keys]}


def find(jwks: Mapping[str, Any] | None, kid: str | None) -> PublicKey | None:
    """Return the key that a JWT names, or the only key where one of the two does not name it."""
    keys = jwks["keys"] if jwks else []
    named = [key for key in keys if kid is not None and key.get("kid") == kid]
    if not named and len(keys) == 1 and (kid is None or "kid" not in keys[0]):
        named = keys
    return _imported(named[0]) if named else None


def presented(document: object, algorithms: Collection[str]) -> PublicKey:
    """Return the public key that a signature brings along; raise `RegistryError` if it would not be registered."""
    faults = list(_faults_of(document, algorithms))
    if faults or not isinstance(document, dict):
        raise RegistryError("; ".join(faults))
    return _imported(_accepted(document, algorithms))


def _faults_of_kids(kids: list[object]) -> Iterator[str]:
    if len(kids) > 1 and None in kids:
        yield "each key of a set of several needs a `kid`"
    texts = [kid for kid in kids if isinstance(kid, str)]
    twice = sorted({kid for kid in texts if texts.count(kid) > 1})
    if twice:
        yield f"several keys have the same `kid`: {', '.join(kid if kid.isprintable() else '?' for kid in twice)}"


def _faults_of(key: object, algorithms: Collection[str]) -> Iterator[str]:
    """What is wrong with a key, each as the rest of a sentence that begins with its name."""
    if not isinstance(key, dict):
        yield "is not an object"
        return
    for member in sorted(_PRIVATE_MEMBERS & key.keys()):
        yield f"has the private member `{member}`: register public keys only"
    yield from _faults_of_use(key)
    kind = key.get("kty")
    if not isinstance(kind, str) or kind not in _PUBLIC_MEMBERS:
        yield "must be of `kty` EC, OKP or RSA"
    elif kind in _CURVES and key.get("crv") != _CURVES[kind]:
        yield f"must be on the curve {_CURVES[kind]}"
    else:
        yield from _faults_of_algorithm(key.get("alg"), _possible(kind, algorithms))
        yield from _faults_of_material(_material(key))


def _faults_of_use(key: Mapping[str, object]) -> Iterator[str]:
    if key.get("use", "sig") != "sig":
        yield "is not meant for signatures (`use`)"
    operations = key.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        yield "is not meant for verifying (`key_ops`)"
    kid = key.get("kid", "-")
    if not isinstance(kid, str) or not 1 <= len(kid) <= LONGEST_KID or not kid.isprintable():
        yield f"needs a `kid` of 1 to {LONGEST_KID} printable characters"


def _faults_of_algorithm(given: object, possible: list[str]) -> Iterator[str]:
    if given is not None and given not in possible:
        yield f"has an `alg` that is not accepted; use {' or '.join(possible)}"


def _faults_of_material(key: Mapping[str, Any]) -> Iterator[str]:
    try:
        rsa = key["kty"] == "RSA"
        bits, exponent = (base64_to_int(key[name]).bit_length() if rsa else 0 for name in ("n", "e"))
        if rsa and not LEAST_RSA_BITS <= bits <= MOST_RSA_BITS:
            yield f"has {bits} bits; an RSA key needs {LEAST_RSA_BITS} to {MOST_RSA_BITS}"
        elif exponent > MOST_RSA_EXPONENT_BITS:
            yield f"has a public exponent of {exponent} bits; an RSA key's has at most {MOST_RSA_EXPONENT_BITS}"
        else:
            _imported(key)
    except (JoseError, ValueError, TypeError, UnsupportedAlgorithm):
        yield "is not a valid public key"


def _accepted(key: Mapping[str, Any], algorithms: Collection[str]) -> dict[str, Any]:
    """What is kept of a key; its algorithm under the name of today (RFC 9864), none where several are possible."""
    given, possible = key.get("alg"), _possible(key["kty"], algorithms)
    algorithm = given if given not in {None, "EdDSA"} else None if key["kty"] == "RSA" and possible[1:] else possible[0]
    return _material(key) | {name: value for name, value in (("alg", algorithm), ("kid", key.get("kid"))) if value}


def _material(key: Mapping[str, Any]) -> dict[str, Any]:
    return {"kty": key["kty"], "use": "sig"} | {member: key.get(member) for member in _PUBLIC_MEMBERS[key["kty"]]}


def _possible(kind: str, algorithms: Collection[str]) -> list[str]:
    return [known for known in _ALGORITHMS_OF_TYPE[kind] if known in algorithms]


def _imported(key: Mapping[str, Any]) -> PublicKey:
    imported = JWKRegistry.import_key(dict(key))
    if not isinstance(imported, ECKey | OKPKey | RSAKey):
        raise TypeError("a symmetric key is no public key")
    return imported
