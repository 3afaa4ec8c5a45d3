"""DPoP proofs for tests (RFC 9449): good ones, and any that are not."""

import hashlib
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from joserfc.jwk import ECKey

from tests.callers import ISSUER, Key, algorithm_of, signed_anyhow

TOKEN_PATH = "/oauth/token"


@dataclass
class Prover:
    """Somebody with a key of their own."""

    key: Key = field(default_factory=lambda: ECKey.generate_key("P-256"))
    home: str = ISSUER
    """The gateway's address."""

    @property
    def thumbprint(self) -> str:
        """RFC 7638."""
        return self.key.thumbprint()

    def proof(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        header: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Return a fresh proof for a request to the gateway; a claim or header given as `None` is left out."""
        usual = {"htm": method, "htu": self.home + path, "iat": int(time.time()), "jti": uuid4().hex}
        usual |= {"ath": ath_of(token)} if token is not None else {}
        worn = {"typ": "dpop+jwt", "alg": algorithm_of(self.key), "jwk": self.key.as_dict(private=False)}
        return signed_anyhow(self.key, worn | (header or {}), usual | claims)

    def for_token(self, **claims: Any) -> dict[str, str]:
        """The header of a request for a token that shall be bound to this key."""
        return {"DPoP": self.proof("POST", TOKEN_PATH, **claims)}

    def headers(self, token: str, path: str, method: str = "GET", **claims: Any) -> dict[str, str]:
        """The headers of a request with a token that is bound to this key."""
        return {"Authorization": f"DPoP {token}", "DPoP": self.proof(method, path, token=token, **claims)}


def ath_of(token: str) -> str:
    """A token as a proof names it."""
    return _encoded(hashlib.sha256(token.encode()).digest())


def _encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
