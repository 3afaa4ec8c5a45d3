"""npm's oidc-provider as a target of the checks: the control, which shows that the checks ask for nothing peculiar."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urljoin

import requests
from joserfc.jwk import ECKey

from tests.callers import Key
from tests.journeys.oauth_checks.target import TIMEOUT_S, Answer, Client, Feature, Target
from tests.journeys.tracking import REDIRECT

SCOPES = ("stats:read", "members:read")
_MODELS = {"code": "AuthorizationCode", "refresh_token": "RefreshToken", "grant": "Grant"}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class ControlPerson:
    """Somebody who signs in anew each time, with whatever name, on the pages for development."""

    url: str

    def ask(self, address: str, asked: Mapping[str, Any]) -> Answer:
        """Open the authorization endpoint; follow nothing."""
        return requests.get(address, params=asked, allow_redirects=False, timeout=TIMEOUT_S)

    def decide(self, address: str, asked: Mapping[str, Any], *, allow: bool = True) -> Answer:
        """Sign in, then allow or leave."""
        with requests.Session() as browser:
            page = self._follow(browser, browser.get(address, params=asked, allow_redirects=False, timeout=TIMEOUT_S))
            page = self._answer(browser, page, {"prompt": "login", "login": "anna", "password": "any"})
            if allow:
                return self._answer(browser, page, {"prompt": "consent"})
            left = browser.get(f"{page.url}/abort", allow_redirects=False, timeout=TIMEOUT_S)
            return self._follow(browser, left)

    def _answer(self, browser: requests.Session, page: Answer, form: dict[str, str]) -> Answer:
        found = re.search(r'<form[^>]* action="([^"]+)"', page.text)
        assert found is not None, page.text
        sent = browser.post(urljoin(page.url, found[1]), form, allow_redirects=False, timeout=TIMEOUT_S)
        return self._follow(browser, sent)

    def _follow(self, browser: requests.Session, answer: Answer) -> Answer:
        while answer.is_redirect and urljoin(answer.url, answer.headers["Location"]).startswith(f"{self.url}/"):
            address = urljoin(answer.url, answer.headers["Location"])
            answer = browser.get(address, allow_redirects=False, timeout=TIMEOUT_S)
        return answer


@dataclass(frozen=True)
class ControlOperator:
    """Registers clients and lets time pass, by the paths that the script adds."""

    url: str

    def reader(self, **wanted: Any) -> Client:
        """A client with a secret, for client credentials."""
        return self._secret(["client_credentials"], wanted)

    def signer(self, *keys: Key, **wanted: Any) -> Client:
        """A client that signs with a key, for client credentials."""
        key = keys[0] if keys else ECKey.generate_key("P-256", {"kid": "key-1"})
        client = Client(f"signer-{next(_numbers)}", "control", key=key)
        self._register(client, ["client_credentials"], wanted, keys=keys or (key,))
        return client

    def tool(self, redirect_uri: str = REDIRECT) -> Client:
        """A client for authorization code and refresh."""
        return self._secret(["authorization_code", "refresh_token"], {}, redirect_uri)

    def set_keys(self, client: Client, *keys: Key) -> None:
        """Register these keys instead of those before."""
        self._register(client, ["client_credentials"], {}, keys=keys)

    def age(self, kind: str, by: timedelta) -> None:
        """Let time pass for all that is stored."""
        self._do("age", {"model": _MODELS[kind], "seconds": by.total_seconds()})

    def _secret(self, grants: list[str], wanted: Mapping[str, Any], redirect_uri: str = REDIRECT) -> Client:
        name = f"client-{next(_numbers)}"
        client = Client(name, "control", f"secret-of-{name}-" + "x" * 32, redirect_uri=redirect_uri)
        self._register(client, grants, wanted)
        return client

    def _register(
        self, client: Client, grants: list[str], wanted: Mapping[str, Any], keys: tuple[Key, ...] = ()
    ) -> None:
        proof: dict[str, Any] = {"client_secret": client.secret, "token_endpoint_auth_method": "client_secret_basic"}
        if keys:
            public = {"keys": [key.as_dict(private=False) for key in keys]}
            proof = {"jwks": public, "token_endpoint_auth_method": "private_key_jwt"}
        comes_back = "authorization_code" in grants
        self._do(
            "clients",
            proof
            | {
                "client_id": client.id,
                "grant_types": grants,
                "scope": " ".join(wanted.get("scopes", SCOPES)),
                "redirect_uris": [client.redirect_uri] if comes_back else [],
                "response_types": ["code"] if comes_back else [],
            },
        )

    def _do(self, what: str, told: Mapping[str, Any]) -> None:
        requests.post(f"{self.url}/control/{what}", json=told, timeout=TIMEOUT_S).raise_for_status()


def described_target(description: Mapping[str, str]) -> Target:
    """The control that listens at the `url` of a description."""
    url = description["url"]
    metadata = requests.get(f"{url}/.well-known/oauth-authorization-server", timeout=TIMEOUT_S).json()
    return Target(
        url=url,
        metadata=metadata,
        features=frozenset({Feature.BOUND_TOKENS}),
        operator=ControlOperator(url),
        person=ControlPerson(url),
        tool_scopes=SCOPES,
    )
