"""The served gateway as a target, and its operator."""

import itertools
import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from joserfc.jwk import ECKey
from sqlalchemy import update

from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.registry import clients, key_life, partners, signing_keys
from partners.tables.consent import authorization_code, grant_family, refresh_token
from partners.tables.partner import signing_key
from partners.vocabulary import AuthMethod, PartnerKind
from tests.callers import Key, add_caller, signed_anyhow
from tests.conftest import SECRET
from tests.journeys.oauth_checks.target import Answer, Client, Feature, Target
from tests.journeys.tracking import REDIRECT, Visitor, add_person, fields_of

_AGED = {
    "code": (authorization_code, ("expires_at",)),
    "refresh_token": (refresh_token, ("used_at", "superseded_at")),
    "grant": (grant_family, ("expires_at",)),
    "signing_key": (signing_key, ("retiring_at",)),
}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Signed:
    """Somebody of a webmaster, signed in to the gateway."""

    visitor: Visitor
    partner: str = "w1"

    def ask(self, address: str, asked: Mapping[str, Any]) -> Answer:
        """Open the authorization endpoint; follow nothing."""
        return self.visitor.get(address, **asked)

    def shown(self, address: str, asked: Mapping[str, Any]) -> Answer:
        """The page that asks for consent."""
        page = self.visitor.follow(self.ask(address, asked))
        assert page.status_code == 200, page.text
        return page

    def decide(self, address: str, asked: Mapping[str, Any], *, allow: bool = True) -> Answer:
        """Answer what is asked."""
        decision = {"decision": "allow" if allow else "deny"}
        sent = self.visitor.post("/oauth/consent", fields_of(self.shown(address, asked)) | decision)
        assert sent.status_code == 303, sent.text
        return sent


@dataclass(frozen=True)
class GatewayOperator:
    """What the commands of `gateway` do, by the registry that is under them."""

    db: Database
    url: str
    log_file: Path

    def reader(self, **wanted: Any) -> Client:
        """A webmaster's client with a secret; the webmaster is new unless named."""
        return self._add(PartnerKind.WEBMASTER, wanted)

    def signer(self, *keys: Key, **wanted: Any) -> Client:
        """A webmaster's client that signs with a key."""
        key = keys[0] if keys else ECKey.generate_key("P-256", {"kid": "key-1"})
        client = self._add(PartnerKind.WEBMASTER, wanted | {"auth_method": AuthMethod.PRIVATE_KEY_JWT, "key": key})
        if len(keys) > 1:
            self.set_keys(client, *keys)
        return client

    def tool(self, redirect_uri: str = REDIRECT, **wanted: Any) -> Client:
        """A tracker's client."""
        given = {"partner": "compass", "redirect_uris": (redirect_uri,)} | wanted
        return replace(self._add(PartnerKind.TRACKER, given), redirect_uri=redirect_uri)

    def center(self, **wanted: Any) -> Client:
        """A model center's client, with a key for its models' sessions."""
        return self._add(PartnerKind.MODEL_CENTER, wanted)

    def platform(self) -> Client:
        """The platform's client."""
        return self._add(PartnerKind.PLATFORM, {})

    def person(self, partner: str) -> Signed:
        """Somebody of a new webmaster."""
        add_caller(self.db, partner=partner)
        return Signed(add_person(self.db, self.url, partner, f"somebody@{partner}"), partner)

    def set_keys(self, client: Client, *keys: Key) -> None:
        """Register these keys instead of those before."""
        with self.db.write.begin() as connection:
            clients.replace_keys(connection, client.id, {"keys": [key.as_dict(private=False) for key in keys]})

    def rotate(self, client: Client, *, overlap: timedelta) -> Client:
        """The client with its new secret."""
        with self.db.write.begin() as connection:
            made = clients.rotate_secret(connection, client.id, overlap=overlap, now=datetime.now(UTC))
        return replace(client, secret=made.secret or "")

    def suspend(self, client: Client) -> None:
        """Suspend the client's partner."""
        with self.db.write.begin() as connection:
            partners.suspend(connection, client.partner)

    def resume(self, client: Client) -> None:
        """Let the partner go on."""
        with self.db.write.begin() as connection:
            partners.resume(connection, client.partner)

    def age(self, kind: str, by: timedelta) -> None:
        """Let time pass for all that is stored."""
        table, columns = _AGED[kind]
        with self.db.write.begin() as connection:
            connection.execute(update(table).values({name: table.c[name] - by for name in columns}))

    def log(self) -> str:
        """What the server has written."""
        return self.log_file.read_text()

    def signing_key(self) -> tuple[str, ECKey]:
        """The key that signs access tokens, as nobody else has it."""
        with self.db.write.connect() as connection:
            for key in signing_keys.published(connection, now=datetime.now(UTC)):
                private = key.private(Keyring(SECRET))
                if key.state is signing_keys.KeyState.ACTIVE and private is not None:
                    return key.id, private
        raise AssertionError("no token was signed yet")

    def signed_like(self, token: str, header: dict[str, Any], claims: dict[str, Any], key: Any = None) -> str:
        """Sign a token's claims again, by the gateway's own key or another; times count from now, `None` leaves out."""
        kid, own = self.signing_key()
        told = json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))
        times = {name: int(time.time()) + claims[name] for name in ("iat", "exp") if name in claims}
        usual = {"typ": "at+jwt", "alg": "ES256", "kid": kid}
        return signed_anyhow(key or own, usual | header, told | {"jti": uuid4().hex} | claims | times)

    def rotate_signing_key(self) -> None:
        """Sign with a new key."""
        with self.db.write.begin() as connection:
            added = key_life.add(connection, Keyring(SECRET), now=datetime.now(UTC))
            key_life.activate(connection, Keyring(SECRET), added.id, now=datetime.now(UTC), at_once=True)

    def revoke_signing_key(self, kid: str) -> None:
        """Refuse what a key has signed, which has leaked."""
        with self.db.write.begin() as connection:
            key_life.revoke(connection, Keyring(SECRET), kid, now=datetime.now(UTC))

    def _add(self, kind: PartnerKind, wanted: dict[str, Any]) -> Client:
        alone = {PartnerKind.MODEL_CENTER, PartnerKind.PLATFORM, PartnerKind.AUDITOR}
        partner = wanted.pop("partner", None) or (kind.value if kind in alone else f"of-checks-{next(_numbers)}")
        made = add_caller(self.db, kind, partner, **wanted)
        return Client(made.id, partner, made.secret or "", made.key, session_key=made.sessions)


def gateway(url: str, db: Database, log_file: Path, visitor: Visitor) -> Target:
    """A served gateway as the target."""
    metadata = requests.get(f"{url}/.well-known/oauth-authorization-server", timeout=10).json()
    return Target(
        url=url,
        metadata=metadata,
        features=frozenset(Feature),
        operator=GatewayOperator(db, url, log_file),
        person=Signed(visitor),
        tool_scopes=("stats:read",),
    )
