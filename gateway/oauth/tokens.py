"""Access tokens: JWTs of type `at+jwt` (RFC 9068), signed here and verified here."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from joserfc import jwt

from gateway.oauth import jose
from gateway.oauth.caller import Caller
from gateway.oauth.jose import CLOCK_SKEW_S, Claims, Untrusted
from gateway.oauth.keys import KeyCabinet
from partners.registry.signing_keys import ALGORITHM
from partners.vocabulary import SCOPES_OF_KIND, PartnerKind, Scope

TYPE = "at+jwt"
BEARER, DPOP = "Bearer", "DPoP"
LIFETIME = timedelta(minutes=10)
MOST_REMEMBERED = 4096


@dataclass(frozen=True)
class AccessToken:
    """A token as issued or verified; times are Unix seconds."""

    caller: Caller
    issued_at: int
    expires_at: int
    thumbprint: str | None = None
    """Of the key that its bearer must prove to hold (`cnf.jkt`, RFC 9449 §6.1)."""

    @property
    def type(self) -> str:
        """The `token_type`, which is the scheme it is presented by too."""
        return BEARER if self.thumbprint is None else DPOP

    @property
    def subject(self) -> str:
        """The token's `sub`: the model acted for, or else the partner."""
        return self.caller.model or self.caller.partner


def new_token_id() -> str:
    """Return a `jti` that nobody can guess."""
    return secrets.token_urlsafe(16)


class TokenMaker:
    """Signs access tokens and reads them back."""

    def __init__(self, issuer: str, keys: KeyCabinet, *, bound_only: bool) -> None:
        """Take the issuer, which is the audience too: gateway and authorization server are one.

        With `bound_only`, tokens that are bound to no key are none of ours.
        """
        self.issuer = issuer
        self.bound_only = bound_only
        self.keys = keys
        self._verified: dict[bytes, tuple[str | None, AccessToken]] = {}

    def sign(self, token: AccessToken, now: datetime) -> str:
        """Return the token in compact form."""
        kid, key = self.keys.signing(now)
        header = {"typ": TYPE, "alg": ALGORITHM, "kid": kid}
        caller = token.caller
        claims = {
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": token.subject,
            "client_id": caller.client,
            "scope": scope_text(caller.scopes, caller.audience),
            "jti": caller.token,
            "iat": token.issued_at,
            "exp": token.expires_at,
            "kind": caller.audience.value,
            "partner": caller.partner,
            "cv": caller.client_version,
        }
        if caller.model is not None:
            claims["act"] = {"sub": caller.client}
        if caller.family is not None:
            claims["fam"] = caller.family
        if token.thumbprint is not None:
            claims["cnf"] = {"jkt": token.thumbprint}
        return jwt.encode(header, claims, key, algorithms=[ALGORITHM])

    def read(self, text: str, now: datetime) -> AccessToken:
        """Return a token that may be used now; raise `Untrusted`. Revocation is the standing's to tell."""
        token = self.unexpired(text, now)
        if token.issued_at - CLOCK_SKEW_S > now.timestamp():
            raise Untrusted
        return token

    def unexpired(self, text: str, now: datetime) -> AccessToken:
        """Return a token that is ours and not expired, also one from a clock that is ahead; raise `Untrusted`."""
        digest = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
        kid, token = self._verified.get(digest) or self._verify(text, now)
        if token.expires_at <= now.timestamp() or self.keys.public(kid, now) is None:
            raise Untrusted
        if len(self._verified) >= MOST_REMEMBERED:
            self._verified.clear()
        self._verified[digest] = (kid, token)
        return token

    def _verify(self, text: str, now: datetime) -> tuple[str | None, AccessToken]:
        parsed = jose.parse(text)
        if parsed.type != TYPE:
            raise Untrusted
        claims = parsed.verify(self.keys.public(parsed.kid, now), [ALGORITHM])
        if claims.text("iss") != self.issuer or claims.text("aud") != self.issuer:
            raise Untrusted
        key = claims.nested("cnf").text("jkt") if "cnf" in claims else None
        token = AccessToken(_caller(claims, parsed.kid), int(claims.time("iat")), int(claims.time("exp")), key)
        if claims.text("sub") != token.subject or (self.bound_only and key is None):
            raise Untrusted
        return parsed.kid, token


def access_tokens() -> TokenMaker:
    """Return the maker and reader of the application that handles the current request."""
    held: TokenMaker = current_app.extensions["access_tokens"]
    return held


def scope_text(scopes: frozenset[Scope], kind: PartnerKind) -> str:
    """Return scopes as OAuth writes them, in the order of the contract."""
    return " ".join(scope for scope in SCOPES_OF_KIND[kind] if scope in scopes)


def _caller(claims: Claims, kid: str | None) -> Caller:
    client = claims.text("client_id")
    acts = "act" in claims
    if acts and claims.nested("act").text("sub") != client:
        raise Untrusted
    try:
        audience = PartnerKind(claims.text("kind"))
        scopes = frozenset(Scope(scope) for scope in claims.text("scope").split(" "))
    except ValueError as error:
        raise Untrusted from error
    by_consent = audience is PartnerKind.TRACKER
    if not scopes <= set(SCOPES_OF_KIND[audience]) or by_consent is not ("fam" in claims):
        raise Untrusted
    return Caller(
        audience=audience,
        partner=claims.text("partner"),
        client=client,
        client_version=claims.whole("cv"),
        token=claims.text("jti"),
        scopes=scopes,
        model=claims.text("sub") if acts else None,
        kid=kid,
        family=claims.text("fam") if by_consent else None,
    )
