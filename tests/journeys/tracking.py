"""A third-party tool, somebody of a webmaster with a browser, and a served gateway: all that they do is HTTP."""

import hashlib
import re
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp
import requests
from requests.adapters import HTTPAdapter

from partners.people import accounts
from partners.postgres.database import Database
from partners.vocabulary import PartnerKind
from tests.callers import add_caller

PASSWORD = "a parrot reads the meter"
REDIRECT = "https://compass.example/back?app=1"
FIELD = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
KEY = re.compile(r"<code>([A-Z2-7 ]+)</code>")


def fields_of(page: requests.Response) -> dict[str, str]:
    """The hidden fields of a page's last form."""
    form = page.text.rpartition("<main")[2]
    return {name: unescape(value) for name, value in FIELD.findall(form)}


@dataclass
class Visitor:
    """Somebody with a browser."""

    url: str
    http: requests.Session = field(default_factory=requests.Session)
    name: str = ""
    factor: str = ""

    def get(self, address: str, **query: Any) -> requests.Response:
        """Look at a page without following where it leads."""
        address = address if address.startswith("http") else self.url + address
        return self.http.get(address, params=query or None, allow_redirects=False, timeout=10)

    def post(self, address: str, form: dict[str, str]) -> requests.Response:
        """Send a form."""
        return self.http.post(self.url + address, data=form, allow_redirects=False, timeout=10)

    def follow(self, answer: requests.Response) -> requests.Response:
        """Go where an answer leads, on this site."""
        while answer.status_code == 303 and answer.headers["Location"].startswith("/"):
            answer = self.get(answer.headers["Location"])
        return answer

    def set_up(self, invitation: str) -> requests.Response:
        """Take an invitation up, which signs in."""
        shown = self.get("/account/set-up", invitation=invitation)
        found = KEY.search(shown.text)
        assert found is not None, shown.text
        self.factor = found[1].replace(" ", "")
        chosen = {"password": PASSWORD, "password_again": PASSWORD, "code": pyotp.TOTP(self.factor).now()}
        return self.post("/account/set-up", fields_of(shown) | chosen)

    def sign_in(self, password: str = PASSWORD, code: str | None = None, **more: str) -> requests.Response:
        """Sign in; the code is the next one, as the present one may have been used."""
        form = fields_of(self.get("/account/sign-in")) | more
        code = code if code is not None else pyotp.TOTP(self.factor).at(int(time.time()) + 30)
        return self.post("/account/sign-in", form | {"name": self.name, "password": password, "code": code})

    def decide(self, tool: "Tool", decision: str = "allow", **asked: Any) -> dict[str, str]:
        """Answer what a tool asks; return the parameters that the tool gets."""
        shown = self.follow(self.get("/oauth/authorize", **tool.asks(**asked)))
        assert shown.status_code == 200, shown.text
        sent = self.post("/oauth/consent", fields_of(shown) | {"decision": decision})
        assert sent.status_code == 303, sent.text
        return told(sent)


@dataclass
class Tool:
    """A tracker's program."""

    url: str
    client: str
    secret: str
    redirect_uri: str = REDIRECT
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def basic(self) -> tuple[str, str]:
        """What it proves itself with."""
        return self.client, self.secret

    def asks(self, **other: Any) -> dict[str, Any]:
        """The parameters of an authorization request; one that is None is left out."""
        usual = {
            "response_type": "code",
            "client_id": self.client,
            "redirect_uri": self.redirect_uri,
            "scope": "stats:read",
            "state": "a state & more=1",
            "code_challenge": challenge_of(self.verifier),
            "code_challenge_method": "S256",
        }
        return {name: value for name, value in (usual | other).items() if value is not None}

    def post(
        self, path: str, form: dict[str, Any], auth: tuple[str, str] | None = None, *, proof: str | None = None
    ) -> requests.Response:
        """Send a form to an OAuth endpoint, authenticated; `proof` is for `DPoP`."""
        headers = {"DPoP": proof} if proof is not None else {}
        return requests.post(self.url + path, data=form, auth=auth or self.basic, headers=headers, timeout=10)

    def redeem(self, code: str | None, *, proof: str | None = None, **other: Any) -> requests.Response:
        """Exchange a code; a parameter that is None is left out."""
        usual = {"code": code, "redirect_uri": self.redirect_uri, "code_verifier": self.verifier}
        form = {"grant_type": "authorization_code"} | usual | other
        return self.post(
            "/oauth/token", {name: value for name, value in form.items() if value is not None}, proof=proof
        )

    def refresh(self, token: str, *, proof: str | None = None, **other: str) -> requests.Response:
        """Exchange a refresh token."""
        return self.post("/oauth/token", {"grant_type": "refresh_token", "refresh_token": token} | other, proof=proof)

    def read(self, access_token: str, path: str = "/v1/webmaster/campaigns", **query: str) -> requests.Response:
        """Ask the API."""
        header = {"Authorization": f"Bearer {access_token}"}
        return requests.get(self.url + path, params=query, headers=header, timeout=10)


def challenge_of(verifier: str) -> str:
    """PKCE's S256."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def told(answer: requests.Response) -> dict[str, str]:
    """The parameters in the address that an answer sends the browser to."""
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def add_tool(db: Database, url: str, partner: str = "compass", *redirects: str) -> Tool:
    """Register a tracker's client."""
    registered = redirects or (REDIRECT,)
    made = add_caller(db, PartnerKind.TRACKER, partner, redirect_uris=registered)
    return Tool(url, made.id, made.secret or "", registered[0])


def add_person(db: Database, url: str, partner: str, name: str) -> Visitor:
    """Invite somebody of a webmaster, who takes it up and is signed in."""
    with db.write.begin() as connection:
        invitation = accounts.add(connection, partner, name, now=datetime.now(UTC))
    visitor = Visitor(url, name=name)
    assert visitor.set_up(invitation.token).status_code == 303
    return visitor


def tokens(tool: Tool, visitor: Visitor) -> dict[str, str]:
    """What a tool gets after a consent."""
    answer = tool.redeem(visitor.decide(tool)["code"])
    assert answer.status_code == 200, answer.text
    document: dict[str, str] = answer.json()
    return document


def refused(answer: requests.Response, error: str = "invalid_grant") -> bool:
    """Whether an OAuth endpoint answered with this error."""
    return answer.status_code == 400 and bool(answer.json()["error"] == error)


def is_alive(tool: Tool, access_token: str) -> bool:
    """Whether the API takes a token."""
    status = tool.read(access_token).status_code
    assert status in {200, 401}
    return status == 200


def fields_of_first_grant(page: requests.Response) -> dict[str, str]:
    """The fields of the newest grant's form."""
    first = page.text.partition("<main")[2].partition("</section>")[0]
    grant = first.partition('name="grant" value="')[2].partition('"')[0]
    return fields_of(page) | {"grant": grant}


class _Bound(HTTPAdapter):
    """Connections that come from one address of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, source_address=(self._address, 0))


def from_address(address: str) -> requests.Session:
    """Requests that come from another loopback address."""
    session = requests.Session()
    session.mount("http://", _Bound(address))
    return session
