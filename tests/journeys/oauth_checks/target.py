"""What a check is run against: an authorization server's addresses, its clients and people, and what it has at all."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import uuid4

import pytest
import requests

from tests.callers import ASSERTION_TYPE, Key, sign
from tests.journeys.tracking import REDIRECT, challenge_of, told

TIMEOUT_S = 10
STATE = "a state & more=1"
VERIFIER = "a-verifier-of-the-checks." + "0123456789" * 4
Answer = requests.Response


class Feature(StrEnum):
    """What not every authorization server has; the value says why a check is left out where it is missing."""

    API = "has no API of its own"
    SECRET_OVERLAP = "keeps no second secret"
    SIGNED_TOKENS = "issues opaque access tokens"
    NETWORKS = "knows no allow-lists"
    SUSPENSION = "cannot suspend"
    RESTART = "keeps nothing over a restart and has no limits"
    EXCHANGE = "has no token exchange"
    WITHDRAWAL = "has no page to withdraw a consent"
    LOG = "keeps no log to scrape"
    BOUND_TOKENS = "binds no tokens to keys"


@dataclass(frozen=True)
class Client:
    """A client as its owner knows it."""

    id: str
    partner: str
    secret: str = ""
    key: Key | None = None
    redirect_uri: str = REDIRECT
    session_key: Key | None = None
    """Of a model center: what its models' sessions are signed with."""

    @property
    def basic(self) -> tuple[str, str] | None:
        """For HTTP Basic, where it has a secret."""
        return (self.id, self.secret) if self.secret else None

    def asks(self, **other: Any) -> dict[str, Any]:
        """The parameters of an authorization request; one that is `None` is left out."""
        usual = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": self.redirect_uri,
            "scope": "stats:read",
            "state": STATE,
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (usual | other).items() if value is not None}


class Person(Protocol):
    """Somebody with a browser who is signed in, or signs in when asked."""

    def ask(self, address: str, asked: Mapping[str, Any]) -> Answer:
        """Open the authorization endpoint; follow nothing."""

    def decide(self, address: str, asked: Mapping[str, Any], *, allow: bool = True) -> Answer:
        """Open it and answer what is asked; return the redirect that leads back to the client."""


class Operator(Protocol):
    """Whoever runs the server: sets up what a check needs, by other means than the endpoints that are checked."""

    def reader(self, **wanted: Any) -> Client:
        """A new client with a secret, for client credentials."""

    def signer(self, *keys: Key, **wanted: Any) -> Client:
        """A new client that signs with a key, for client credentials."""

    def tool(self, redirect_uri: str = REDIRECT) -> Client:
        """A new client for authorization code and refresh."""

    def set_keys(self, client: Client, *keys: Key) -> None:
        """Register these keys instead of those before."""

    def age(self, kind: str, by: timedelta) -> None:
        """Let time pass for all that is stored: `code`, `refresh_token` or `grant`."""


@dataclass(frozen=True)
class Target:
    """An authorization server as its clients see it."""

    url: str
    """Where it listens."""
    metadata: Mapping[str, Any]
    features: frozenset[Feature]
    operator: Any
    """An `Operator`, with what only one server's operator can do besides."""
    person: Person
    tool_scopes: tuple[str, ...]
    """What a tool may be allowed."""
    http: requests.Session = field(default_factory=requests.Session)

    @property
    def issuer(self) -> str:
        """Its name for itself."""
        issuer: str = self.metadata["issuer"]
        return issuer

    def needs(self, *features: Feature) -> None:
        """Leave the check out where the server lacks something; the reason is what it lacks."""
        for feature in features:
            if feature not in self.features:
                pytest.skip(f"not applicable: {feature}")

    def address(self, of: str) -> str:
        """An endpoint's address, by its name in the metadata."""
        address: str = self.metadata[f"{of}_endpoint"]
        return address

    def post(self, form: Any, to: str = "token", **options: Any) -> Answer:
        """Send a form to an endpoint, unauthenticated unless the options say otherwise."""
        return self.http.post(self.address(to), data=form, timeout=TIMEOUT_S, allow_redirects=False, **options)

    def ask(self, client: Client, form: Mapping[str, Any], to: str = "token") -> Answer:
        """Send a form to an endpoint as an authenticated client; what is `None` is left out."""
        sent = {name: value for name, value in form.items() if value is not None}
        if client.key is not None:
            return self.post(self.proof(self.assertion(client)) | sent, to)
        return self.post(sent, to, auth=client.basic)

    def grant(self, client: Client, **form: str | None) -> Answer:
        """Ask for a token by client credentials."""
        return self.ask(client, {"grant_type": "client_credentials"} | form)

    def token(self, client: Client, **form: str | None) -> str:
        """Return an access token of a client acting for itself."""
        answer = self.grant(client, **form)
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["access_token"]
        return token

    def claims(self, client: Client) -> dict[str, Any]:
        """The claims of a good assertion, each time new."""
        now = int(time.time())
        return {"iss": client.id, "sub": client.id, "aud": self.issuer, "iat": now, "exp": now + 60, "jti": uuid4().hex}

    def assertion(
        self, client: Client, header: Mapping[str, Any] | None = None, key: Key | None = None, **claims: Any
    ) -> str:
        """Return a fresh client assertion; a claim given as `None` is left out."""
        return sign(key or client.key, {"kid": "key-1"} | dict(header or {}), self.claims(client) | claims)

    def proof(self, assertion: str) -> dict[str, str]:
        """The parameters that carry an assertion."""
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}

    def present(self, assertion: str, **form: str) -> Answer:
        """Ask for a token by an assertion, made in whatever way."""
        return self.post({"grant_type": "client_credentials"} | self.proof(assertion) | form)

    def asked(self, client: Client, **other: Any) -> Answer:
        """What the authorization endpoint answers at once."""
        return self.person.ask(self.address("authorization"), client.asks(**other))

    def decided(self, client: Client, *, allow: bool = True, **other: Any) -> dict[str, str]:
        """What the client is told once the person has decided."""
        return told(self.person.decide(self.address("authorization"), client.asks(**other), allow=allow))

    def redeem(self, client: Client, code: str | None, **other: str | None) -> Answer:
        """Exchange a code; a parameter that is `None` is left out."""
        usual = {"code": code, "redirect_uri": client.redirect_uri, "code_verifier": VERIFIER}
        return self.ask(client, {"grant_type": "authorization_code"} | usual | other)

    def tokens(self, client: Client, **other: Any) -> dict[str, str]:
        """What a tool gets after a consent."""
        answer = self.redeem(client, self.decided(client, **other)["code"])
        assert answer.status_code == 200, answer.text
        document: dict[str, str] = answer.json()
        return document

    def refresh(self, client: Client, token: str, **other: str) -> Answer:
        """Exchange a refresh token."""
        return self.ask(client, {"grant_type": "refresh_token", "refresh_token": token} | other)

    def revoke(self, client: Client, token: str, **other: str) -> Answer:
        """Revoke a token."""
        return self.ask(client, {"token": token} | other, "revocation")

    def told_about(self, client: Client, token: str, **other: str) -> dict[str, Any]:
        """What introspection says of a token."""
        answer = self.ask(client, {"token": token} | other, "introspection")
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def read(self, token: str, path: str = "/v1/webmaster/campaigns", **query: Any) -> Answer:
        """Ask the API."""
        header = {"Authorization": f"Bearer {token}"}
        return self.http.get(self.url + path, params=query, headers=header, timeout=TIMEOUT_S)

    def is_alive(self, client: Client, token: str) -> bool:
        """Whether an access token opens anything: at the API, or by introspection where there is none."""
        if Feature.API not in self.features:
            return bool(self.told_about(client, token)["active"])
        status = self.read(token).status_code
        assert status in {200, 401}, status
        return status == 200


def refused(answer: Answer, *errors: str, status: int = 400) -> bool:
    """Whether an endpoint answered with one of these errors and this status."""
    return answer.status_code == status and answer.json()["error"] in errors


def unauthenticated(answer: Answer) -> bool:
    """Whether the client was told that it did not prove who it is."""
    return refused(answer, "invalid_client", status=401)


def at_once(ask: Callable[[], Answer], times: int = 8) -> list[int]:
    """The statuses of requests made at the same time, in order of size."""
    with ThreadPoolExecutor(times) as pool:
        return sorted(answer.status_code for answer in pool.map(lambda _: ask(), range(times)))
