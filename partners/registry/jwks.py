"""Public keys of others as JWK sets (RFC 7517): checked when they are registered, found when a signature comes."""

from collections.abc import Collection, Mapping
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
MOST_KEYS = 20
LONGEST_KID = 255
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_PUBLIC_MEMBERS = {"EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "RSA": ("n", "e")}
_CURVES = {"EC": "P-256", "OKP": "Ed25519"}
_ALGORITHMS_OF_TYPE = {"EC": ("ES256",), "OKP": ("Ed25519", "EdDSA"), "RSA": ("PS256", "RS256")}


def checked(document: object, algorithms: Collection[str]) -> dict[str, Any]:
    """Return the set with only what verification needs; raise `RegistryError` naming the first thing wrong."""
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS:
        raise RegistryError(f"a JWK set is an object with 1 to {MOST_KEYS} `keys`")
    accepted = [_checked_key(key, f"key {position}", algorithms) for position, key in enumerate(keys, start=1)]
    kids = [key.get("kid") for key in accepted]
    if len(kids) > 1 and None in kids:
        raise RegistryError("each key of a set of several needs a `kid`")
    if len(set(kids)) < len(kids):
        raise RegistryError("two keys have the same `kid`")
    return {"keys": accepted}


def find(jwks: Mapping[str, Any] | None, kid: str | None) -> PublicKey | None:
    """Return the key that a JWT names, or the only key where one of the two does not name it."""
    keys = jwks["keys"] if jwks else []
    named = [key for key in keys if kid is not None and key.get("kid") == kid]
    if not named and len(keys) == 1 and (kid is None or "kid" not in keys[0]):
        named = keys
    return _imported(named[0]) if named else None


def _checked_key(key: object, name: str, algorithms: Collection[str]) -> dict[str, Any]:
    if not isinstance(key, dict):
        raise RegistryError(f"{name} is not an object")
    private = sorted(_PRIVATE_MEMBERS & key.keys())
    if private:
        raise RegistryError(f"{name} has the private member `{private[0]}`: register public keys only")
    kind = _checked_type(key, name)
    algorithm = _checked_algorithm(key, name, [known for known in _ALGORITHMS_OF_TYPE[kind] if known in algorithms])
    accepted = {"kty": kind, "use": "sig"} | {member: key.get(member) for member in _PUBLIC_MEMBERS[kind]}
    if algorithm is not None:
        accepted["alg"] = algorithm
    if "kid" in key:
        accepted["kid"] = _checked_kid(key["kid"], name)
    _check_strength(accepted, name)
    return accepted


def _checked_type(key: Mapping[str, object], name: str) -> str:
    kind = key.get("kty")
    if not isinstance(kind, str) or kind not in _PUBLIC_MEMBERS:
        raise RegistryError(f"{name} must be of `kty` EC, OKP or RSA")
    if kind in _CURVES and key.get("crv") != _CURVES[kind]:
        raise RegistryError(f"{name} must be on the curve {_CURVES[kind]}")
    if key.get("use", "sig") != "sig":
        raise RegistryError(f"{name} is not meant for signatures (`use`)")
    operations = key.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise RegistryError(f"{name} is not meant for verifying (`key_ops`)")
    return kind


def _checked_algorithm(key: Mapping[str, object], name: str, possible: list[str]) -> str | None:
    """The one algorithm the key is bound to, under its name of today (RFC 9864); none where several are possible."""
    given = key.get("alg")
    if given is not None and given not in possible:
        raise RegistryError(f"{name} has an `alg` that is not accepted; use {' or '.join(possible)}")
    if given is None and len(possible) > 1 and key["kty"] == "RSA":
        return None
    return possible[0] if given in {None, "EdDSA"} else str(given)


def _checked_kid(kid: object, name: str) -> str:
    if not isinstance(kid, str) or not 1 <= len(kid) <= LONGEST_KID or not kid.isprintable():
        raise RegistryError(f"{name} needs a `kid` of 1 to {LONGEST_KID} printable characters")
    return kid


def _check_strength(key: Mapping[str, Any], name: str) -> None:
    try:
        bits = base64_to_int(key["n"]).bit_length() if key["kty"] == "RSA" else LEAST_RSA_BITS
        if not LEAST_RSA_BITS <= bits <= MOST_RSA_BITS:
            raise RegistryError(f"{name} has {bits} bits; an RSA key needs {LEAST_RSA_BITS} to {MOST_RSA_BITS}")
        _imported(key)
    except (JoseError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise RegistryError(f"{name} is not a valid public key") from error


def _imported(key: Mapping[str, Any]) -> PublicKey:
    imported = JWKRegistry.import_key(dict(key))
    if not isinstance(imported, ECKey | OKPKey | RSAKey):
        raise TypeError("a symmetric key is no public key")
    return imported
