"""Fresh access tokens from a running demo, got as partners get them: over HTTP, with their own credentials."""

import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from secrets import token_urlsafe
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey

from gateway.demo.cast import AUDITOR, PLATFORM, STUDIO, WEBMASTERS
from gateway.demo.credentials import Account, Credentials

TIMEOUT_S = 10
SESSION_S = 600
ALGORITHM = "ES256"
OWN = ", ".join(f"webmaster:{company.id}" for company in WEBMASTERS)


class TokenError(Exception):
    """No token: the message says what to do."""


@dataclass(frozen=True)
class Wanted:
    """For whom a token is: `webmaster:northlight`, `model:aurora`, `platform` or `auditor`; and its scopes."""

    whom: str
    scope: str | None = None


def fetch(credentials: Credentials, wanted: Wanted) -> Mapping[str, Any]:
    """Ask the running demo for a token; return its answer. Raises `TokenError`."""
    kind, _, identifier = wanted.whom.partition(":")
    if kind == "model" and identifier:
        form = _exchange(credentials, identifier)
        return _ask(credentials, credentials.accounts[STUDIO.id], form, wanted)
    partner = {"webmaster": identifier, "platform": PLATFORM.id, "auditor": AUDITOR.id}.get(kind)
    account = credentials.accounts.get(partner or "")
    if account is None or account.secret is None or (identifier and kind != "webmaster"):
        raise TokenError(
            f"a token is for webmaster:ID, model:ID, platform or auditor, and only for the demo's own ({OWN}); "
            "for another webmaster register a client with `gateway clients add ID`"
        )
    return _ask(credentials, account, {"grant_type": "client_credentials"}, wanted)


def _exchange(credentials: Credentials, model: str) -> dict[str, str]:
    """RFC 8693: the platform's word that this model is logged in, presented by the studio."""
    studio, now = credentials.accounts[STUDIO.id], int(time.time())
    session = {"iss": credentials.sessions_issuer, "sub": model, "iat": now, "exp": now + SESSION_S}
    proof = {"iss": studio.client, "sub": studio.client, "iat": now, "exp": now + 60, "jti": token_urlsafe()}
    return {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": _signed(credentials, session, credentials.sessions_key),
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "client_assertion": _signed(credentials, proof, studio.key or {}),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }


def _signed(credentials: Credentials, claims: dict[str, Any], private: Mapping[str, Any]) -> str:
    key = ECKey.import_key(dict(private))
    header = {"alg": ALGORITHM, "kid": private["kid"]}
    return jwt.encode(header, claims | {"aud": credentials.issuer}, key, algorithms=[ALGORITHM])


def _ask(credentials: Credentials, account: Account, form: dict[str, str], wanted: Wanted) -> Mapping[str, Any]:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if account.secret is not None:
        headers["Authorization"] = "Basic " + b64encode(f"{account.client}:{account.secret}".encode()).decode()
    body = urlencode(form | ({"scope": wanted.scope} if wanted.scope else {}))
    connection = HTTPConnection(urlsplit(credentials.url).netloc, timeout=TIMEOUT_S)
    try:
        connection.request("POST", "/oauth/token", body, headers)
        response = connection.getresponse()
        answer: Mapping[str, Any] = orjson.loads(response.read())
    except (OSError, HTTPException, orjson.JSONDecodeError) as error:
        raise TokenError(f"no demo answers at {credentials.url}; start it with `gateway demo`") from error
    finally:
        connection.close()
    if "access_token" not in answer:
        raise TokenError(f"the demo refuses: {answer.get('error')}. {answer.get('error_description', '')}".strip())
    return answer
