"""DPoP proofs (RFC 9449 §4.3): who sends one holds the private key, now, for this request, and for no second one."""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from flask import after_this_request, g, request
from sqlalchemy import Engine
from werkzeug.wrappers import Response

from gateway.oauth import jose
from gateway.oauth.jose import CLOCK_SKEW_S, Claims, Jwt, Untrusted
from gateway.oauth.nonces import RENEWED_AFTER_S, Nonces
from gateway.oauth.uris import place_of
from partners.registry import RegistryError, jwks, tokens
from partners.registry.jwks import PublicKey

TYPE = "dpop+jwt"
ALGORITHMS = tuple(sorted(jwks.CLIENT_ALGORITHMS))
HEADER, NONCE_HEADER = "DPoP", "DPoP-Nonce"
OLDEST_PROOF_S = 60
LONGEST_ADDRESS = 8_192
KEYS_REMEMBERED = 1_024


class ProofRefused(Exception):
    """A proof is missing or proves nothing; the text says which of its parts is at fault, and quotes none of it."""


class NonceNeeded(ProofRefused):
    """The proof lacks a nonce of ours that is young enough; the answer brings one along (RFC 9449 §8)."""


@dataclass(frozen=True)
class Proof:
    """A proof that is good for the current request, if it was not used before."""

    thumbprint: str
    """Of the key that signed it (RFC 7638)."""
    jti: str
    issued_at: float
    """Unix seconds."""


class Proofs:
    """Reads the proofs of requests, and sees to it that each is used once."""

    def __init__(self, issuer: str, engine: Engine, nonces: Nonces | None) -> None:
        """Take the address that the gateway is known by, and what makes nonces where they are demanded."""
        home = place_of(issuer)
        if home is None:
            raise ValueError("the issuer is no web address")
        self._home = home
        # In one round trip: the statement is the whole transaction.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._nonces = nonces

    def read(self, text: str, *, access_token: str | None = None) -> Proof:
        """Return what a proof proves about the current request; raise `ProofRefused`.

        `access_token` is the token it comes with, where there is one.
        """
        if not text:
            raise ProofRefused(f"The proof is missing: each request brings a new one, in the {HEADER} header.")
        try:
            parsed = jose.parse(text)
            key, thumbprint = _key_of(json.dumps(parsed.jwk))
            claims = parsed.verify(key, ALGORITHMS)
        except (Untrusted, RegistryError, RecursionError) as error:
            raise ProofRefused(
                "The proof is not one JWT signed with the public key in its jwk header, by "
                f"{', '.join(ALGORITHMS)}; a private key there is refused."
            ) from error
        try:
            proof = Proof(thumbprint, claims.text("jti"), claims.time("iat"))
            self._check(parsed, claims, access_token)
        except Untrusted as error:
            raise ProofRefused(f"The proof's {error} is missing or not as it must be for this request.") from error
        if self._nonces is not None:
            self._check_nonce(self._nonces, claims)
        return proof

    def spend(self, proof: Proof) -> None:
        """Note the use in the database, so that of parallel uses one wins on whatever server; raise `ProofRefused`."""
        until = datetime.fromtimestamp(proof.issued_at + OLDEST_PROOF_S + CLOCK_SKEW_S, UTC)
        key = urlsafe_b64decode(f"{proof.thumbprint}=")
        with self._engine.connect() as connection:
            if not tokens.spend_proof(connection, key, proof.jti, expires_at=until, now=g.received_at):
                raise ProofRefused("The proof was used before; each request needs one of its own, with a new jti.")

    def _check(self, parsed: Jwt, claims: Claims, access_token: str | None) -> None:
        now = g.received_at.timestamp()
        place = place_of(claims.text("htu", longest=LONGEST_ADDRESS))
        good = {
            "typ": parsed.type == TYPE,
            "htm": claims.text("htm") == request.method,
            "htu": place == self._home._replace(path=self._home.path.rstrip("/") + request.path),
            "iat": now - OLDEST_PROOF_S <= claims.time("iat") <= now + CLOCK_SKEW_S,
            "exp": "exp" not in claims or now < claims.time("exp"),
            "nbf": "nbf" not in claims or claims.time("nbf") <= now + CLOCK_SKEW_S,
            "ath": access_token is None or claims.text("ath") == hash_of(access_token),
        }
        for name, holds in good.items():
            if not holds:
                raise Untrusted(name)

    def _check_nonce(self, nonces: Nonces, claims: Claims) -> None:
        now = g.received_at
        try:
            age = nonces.age(claims.text("nonce"), now) if "nonce" in claims else None
        except Untrusted:
            age = None
        if age is None or age > RENEWED_AFTER_S:
            _bring_along(nonces.make(now))
        if age is None:
            raise NonceNeeded(f"The proof needs the nonce that the {NONCE_HEADER} header of this answer holds.")


@lru_cache(maxsize=KEYS_REMEMBERED)
def _key_of(jwk: str) -> tuple[PublicKey, str]:
    """Return a key and its thumbprint; callers come with the same again and again, and checking one takes longest."""
    key = jwks.presented(json.loads(jwk), jwks.CLIENT_ALGORITHMS)
    return key, key.thumbprint()


def hash_of(access_token: str) -> str:
    """A token as the `ath` of a proof names it (RFC 9449 §4.2)."""
    return urlsafe_b64encode(hashlib.sha256(access_token.encode(errors="surrogatepass")).digest()).rstrip(b"=").decode()


def _bring_along(nonce: str) -> None:
    @after_this_request
    def wear(response: Response) -> Response:
        response.headers[NONCE_HEADER] = nonce
        return response
