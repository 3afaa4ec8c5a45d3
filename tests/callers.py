"""Callers for tests: partners with clients of every kind, and real access tokens got over HTTP."""

import hmac
import json
import time
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from sqlalchemy import select
from werkzeug.test import TestResponse

from partners.postgres.database import Database
from partners.registry import clients, issuers, partners
from partners.registry.partners import Partner
from partners.tables.activity import model
from partners.vocabulary import AuthMethod, PartnerKind
from tests.factories import add_model

ISSUER = "http://127.0.0.1:8000"
SESSIONS = "https://sessions.example"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_TYPE = "urn:ietf:params:oauth:token-type:jwt"
Key = ECKey | OKPKey | RSAKey
SESSION_KEY = ECKey.generate_key("P-256", {"kid": "sessions-1"})


@dataclass(frozen=True)
class FromNow:
    """An instant told from the moment of signing, as claims tell time; its name is the same in each run."""

    seconds: float

    def __str__(self) -> str:
        """As a test's name shows it."""
        return f"{self.seconds:+}s"

    __repr__ = __str__

    def claim(self) -> float:
        """Unix time."""
        return int(time.time()) + self.seconds


@dataclass(frozen=True)
class Caller:
    """A client as its owner knows it: with its secret or its private key."""

    id: str
    partner: str
    kind: PartnerKind
    secret: str | None = None
    key: Key | None = None
    sessions: Key | None = None
    """The session issuer's key, of a model center."""


def add_caller(
    db: Database, kind: PartnerKind = PartnerKind.WEBMASTER, partner: str | None = None, **wanted: Any
) -> Caller:
    """Register a client of a partner, the partner too where it is new; a model center's signs with a key.

    `country`, `safeguard` and `terms_accepted_at` are the partner's, the rest is of `clients.Wanted`.
    """
    name = partner or {PartnerKind.WEBMASTER: "w1"}.get(kind, kind.value)
    key = _key_for(kind, wanted)
    terms = {field: wanted.pop(field) for field in ("country", "safeguard", "terms_accepted_at") if field in wanted}
    with db.write.begin() as connection:
        if not any(known.id == name for known in partners.every(connection)):
            accepted = {"terms_accepted_at": datetime.now(UTC)} | terms
            partners.add(connection, Partner(id=name, kind=kind, name=name.title(), **accepted))
        keys = {"keys": [key.as_dict(private=False)]} if key else None
        made = clients.add(connection, clients.Wanted(partner=name, jwks=keys, **wanted), now=datetime.now(UTC))
        sessions = None
        if kind is PartnerKind.MODEL_CENTER:
            sessions = SESSION_KEY
            issuers.add(connection, SESSIONS, {"keys": [sessions.as_dict(private=False)]})
    return Caller(made.client.id, name, kind, made.secret, key, sessions)


def ask_token(
    http: FlaskClient, caller: Caller, *, headers: dict[str, str] | None = None, **form: str | list[str]
) -> TestResponse:
    """Ask for a token by client credentials; `form` adds parameters or replaces them."""
    asked = {"grant_type": "client_credentials"} | form
    headers = headers or {}
    if caller.key is not None:
        proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion(caller)}
        return http.post("/oauth/token", data=proof | asked, headers=headers)
    return http.post("/oauth/token", data=asked, headers=headers | basic(caller.id, caller.secret or ""))


def access_token(http: FlaskClient, caller: Caller, scope: str | None = None) -> str:
    """Return an access token of a client acting for itself."""
    return _token_of(ask_token(http, caller, **({"scope": scope} if scope else {})))


def exchange(http: FlaskClient, center: Caller, subject_token: str, **form: Any) -> TestResponse:
    """Ask for a token by token exchange; `form` may have `headers` too."""
    wanted = {"grant_type": EXCHANGE, "subject_token": subject_token, "subject_token_type": JWT_TYPE}
    return ask_token(http, center, **(wanted | form))


def model_token(http: FlaskClient, db: Database, center: Caller, *, of: str = "mdl-1", scope: str | None = None) -> str:
    """Return an access token of a model center acting for a model, which is registered if it is new."""
    with db.write.begin() as connection:
        if connection.execute(select(model.c.id).where(model.c.id == of)).first() is None:
            add_model(connection, of)
    return _token_of(exchange(http, center, session(center, of), **({"scope": scope} if scope else {})))


def bearer(token: str) -> dict[str, str]:
    """The header that carries an access token."""
    return {"Authorization": f"Bearer {token}"}


def basic(client_id: str, secret: str) -> dict[str, str]:
    """The header that carries a client's id and secret."""
    return {"Authorization": "Basic " + b64encode(f"{client_id}:{secret}".encode()).decode()}


def assertion(caller: Caller, header: dict[str, Any] | None = None, key: Any = None, **claims: Any) -> str:
    """Return a fresh client assertion; a claim given as `None` is left out."""
    now = int(time.time())
    usual = {"iss": caller.id, "sub": caller.id, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": uuid4().hex}
    return sign(key or caller.key, {"kid": "key-1"} | (header or {}), usual | claims)


def session(center: Caller, of: str = "mdl-1", header: dict[str, Any] | None = None, **claims: Any) -> str:
    """Return a session JWT of a model; a claim given as `None` is left out."""
    now = int(time.time())
    usual = {"iss": SESSIONS, "sub": of, "aud": ISSUER, "iat": now, "exp": now + 600}
    return sign(center.sessions, {"kid": "sessions-1"} | (header or {}), usual | claims)


def sign(key: Any, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Sign a JWT with a key's own algorithm, unless the header names another."""
    named = {"alg": algorithm_of(key)} | header
    return jwt.encode(settled(named), settled(claims), key, algorithms=[named["alg"]])


def signed_anyhow(key: Any, header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Sign whatever the header and claims say, as a hostile client would; HS256 takes the public key for a secret."""
    segments = [
        urlsafe_b64encode(json.dumps(settled(part)).encode()).rstrip(b"=").decode() for part in (header, claims)
    ]
    signed = ".".join(segments).encode()
    if header.get("alg") == "HS256":
        secret = key.raw_value if isinstance(key, OctKey) else key.as_pem(private=False)
        signature = hmac.digest(secret, signed, "sha256")
    else:
        signature = JWSRegistry.algorithms[algorithm_of(key)].sign(signed, key)
    return ".".join([*segments, urlsafe_b64encode(signature).rstrip(b"=").decode()])


def settled(part: dict[str, Any]) -> dict[str, Any]:
    """Return a header or claims with instants told and what is `None` left out."""
    told = {name: value.claim() if isinstance(value, FromNow) else value for name, value in part.items()}
    return {name: value for name, value in told.items() if value is not None}


def algorithm_of(key: Key) -> str:
    """The algorithm that fits a key."""
    return {"EC": "ES256", "OKP": "Ed25519", "RSA": "PS256", "oct": "HS256"}[key.key_type]


def _key_for(kind: PartnerKind, wanted: dict[str, Any]) -> Key | None:
    given: Key | None = wanted.pop("key", None)
    signs = kind is PartnerKind.MODEL_CENTER or wanted.get("auth_method") is AuthMethod.PRIVATE_KEY_JWT
    return given or (ECKey.generate_key("P-256", {"kid": "key-1"}) if signs else None)


def _token_of(answer: TestResponse) -> str:
    document = answer.get_json()
    assert answer.status_code == 200, document
    token: str = document["access_token"]
    return token
