"""Signed JWTs, others' and our own: parsed without trust, verified under named algorithms, claims strictly typed."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jws import CompactSignature, JWSRegistry

from partners.registry.jwks import PublicKey

CLOCK_SKEW_S = 10
"""How far the clocks of others may be from ours."""
LONGEST_TOKEN = 16_384
LONGEST_HEADER = 4_096
LONGEST_SIGNATURE = 2_048
LONGEST_TEXT = 255
LATEST_TIME = 2**40
GREATEST_WHOLE = 2**31 - 1


class Untrusted(Exception):
    """A JWT that is malformed, not signed by the expected key, or says something of the wrong type."""


# `RecursionError`: deeply nested JSON.
_MALFORMED = (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)


class Claims:
    """The claims of a JWT, handed out only in the type that the reader expects."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """Take the decoded payload."""
        self._values = values

    def __contains__(self, name: str) -> bool:
        """Whether the claim is there at all."""
        return name in self._values

    def text(self, name: str, *, longest: int = LONGEST_TEXT) -> str:
        """A string of 1 to 255 characters, or to `longest`, that a database can hold."""
        value = self._values.get(name)
        if not isinstance(value, str) or not 1 <= len(value) <= longest or not _is_storable(value):
            raise Untrusted(name)
        return value

    def time(self, name: str) -> float:
        """A NumericDate (RFC 7519 §2): finite, and no boolean."""
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Untrusted(name)
        # Comparisons with NaN are false, and a huge integer would overflow as a float.
        if not 0 <= value <= LATEST_TIME:
            raise Untrusted(name)
        return value

    def whole(self, name: str) -> int:
        """A whole number of 0 to 2³¹-1."""
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= GREATEST_WHOLE:
            raise Untrusted(name)
        return value

    def nested(self, name: str) -> "Claims":
        """A claim that is an object itself."""
        value = self._values.get(name)
        if not isinstance(value, dict):
            raise Untrusted(name)
        return Claims(value)


@dataclass(frozen=True)
class Jwt:
    """A JWT whose parts were read, and nothing of which is to be believed before `verify`."""

    kid: str | None
    type: str | None
    """The `typ` in lower case, without `application/`."""
    unverified: Claims
    jwk: object
    """The key in the header: it proves no more than that the sender has its private part."""
    _signed: CompactSignature

    def verify(self, key: PublicKey | None, algorithms: Collection[str]) -> Claims:
        """Return the claims once the signature is seen to be the key's; raise `Untrusted`."""
        try:
            valid = key is not None and jws.validate_compact(self._signed, key, registry=_Registry(algorithms))
        except _MALFORMED as error:
            raise Untrusted from error
        if not valid:
            raise Untrusted
        return self.unverified


def parse(token: str) -> Jwt:
    """Read a JWT in compact form; raise `Untrusted` for anything else."""
    if len(token) > LONGEST_TOKEN:
        raise Untrusted
    try:
        signed = jws.extract_compact(token.encode("ascii"), registry=_Roomy())
        header, claims = signed.headers(), json.loads(signed.payload)
        kid, typ = header.get("kid"), header.get("typ")
        if "crit" in header or not all(value is None or isinstance(value, str) for value in (kid, typ)):
            raise Untrusted
        if not isinstance(claims, dict):
            raise Untrusted
    except _MALFORMED as error:
        raise Untrusted from error
    return Jwt(kid, typ and typ.lower().removeprefix("application/"), Claims(claims), header.get("jwk"), signed)


class _Registry(JWSRegistry):
    def __init__(self, algorithms: Collection[str]) -> None:
        super().__init__(algorithms=algorithms, strict_check_header=False)

    def get_alg(self, name: str) -> Any:  # noqa: ANN401 - the type is not public
        """`EdDSA` is what RFC 8037 called what RFC 9864 calls `Ed25519`; other curves are not taken."""
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError
        return self.algorithms["Ed25519" if name == "EdDSA" else name]


class _Roomy(JWSRegistry):
    """With room for an RSA key in the header, as DPoP proofs have it, and for the longest key's signature."""

    max_header_length = LONGEST_HEADER
    max_signature_length = LONGEST_SIGNATURE


def _is_storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
