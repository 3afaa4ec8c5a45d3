"""What the demo's partners hold: secrets and private keys, in one file that only its owner can read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from partners.files import replacing

FILE = "demo.json"


@dataclass(frozen=True)
class Account:
    """A client as its owner knows it: with its secret, or with its private key as a JWK."""

    client: str
    secret: str | None = None
    key: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class SignIn:
    """What somebody signs in with: name, password, and the secret of their one-time codes."""

    name: str
    password: str
    factor: str


@dataclass(frozen=True)
class Credentials:
    """Everything that a demo's token needs, and when the demo was first started."""

    day: date
    url: str
    issuer: str
    accounts: Mapping[str, Account]
    """By partner id."""
    sessions_issuer: str
    sessions_key: Mapping[str, Any]
    """The private JWK with which the platform signs models' sessions."""
    loaded: bool = False
    """Whether the feed has been applied."""
    console: SignIn | None = None
    """Of the security team; nothing in demos of before there was a console."""


def read(data_dir: Path) -> Credentials | None:
    """Return the credentials of the demo in a data directory; nothing where there is none."""
    try:
        document = orjson.loads((data_dir / FILE).read_bytes())
    except FileNotFoundError:
        return None
    accounts = {partner: Account(**account) for partner, account in document.pop("accounts").items()}
    console = document.pop("console", None)
    document["console"] = SignIn(**console) if console is not None else None
    return Credentials(day=date.fromisoformat(document.pop("day")), accounts=accounts, **document)


def write(data_dir: Path, credentials: Credentials) -> None:
    """Replace the file in one step; nobody but its owner can read it."""
    with replacing(data_dir / FILE) as file:
        file.write(orjson.dumps(asdict(credentials), option=orjson.OPT_INDENT_2))
