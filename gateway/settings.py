"""Every setting, read once from the environment. `docs/operations.md` lists them all; a test compares."""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from pwd import getpwuid
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from partners import files
from partners.access_log.checkpoints import origin_of
from partners.instants import read_instant
from partners.keyring import MINIMUM_SECRET_LENGTH, Keyring
from partners.registry import RegistryError
from partners.registry.allowances import check_rate
from partners.registry.terms import FIRST_VERSION, Terms, check_version
from partners.rights.journal import Journal
from partners.spool.spool import SpoolPolicy
from partners.vocabulary import Work

_OPERATOR = re.compile(r"[a-z0-9_][a-z0-9_.@-]{0,63}")


class SettingsError(Exception):
    """A setting is missing or cannot be used; the message says which and why."""


@dataclass(frozen=True)
class Setting:
    """One environment variable: its name, its default as documented, and what it is for."""

    name: str
    default: str
    meaning: str


USUAL_DATA_DIR = "./var"
USUAL_ISSUER = "http://127.0.0.1:8000"
USUAL_LIMITS = {
    Work.TOKEN: "60/minute",
    Work.STATS: "300/minute",
    Work.MEMBERS: "600/minute",
    Work.CARDS: "3000/minute",
    Work.AUDIT: "600/minute",
    Work.EXPORTS: "30/hour",
    Work.SIGN_IN: "20/hour",
}

THROTTLE_AFTER_H, SUSPEND_AFTER_H = "24", "168"
LIMITED = {
    Work.TOKEN: "tokens (`/oauth/token`, `/oauth/par`), or fail to authenticate elsewhere under `/oauth`",
    Work.STATS: "statistics, statements and campaigns",
    Work.MEMBERS: "member rows and purchases",
    Work.CARDS: "cards and spending",
    Work.AUDIT: "the access log",
    Work.EXPORTS: "whole lists of members, purchases or log entries as lines",
}
"""Kinds of work that are counted by client."""
REDIS_SCHEMES = ("redis", "rediss", "redis+unix")
"""Those of one server: what counts there knows no others."""
DATABASE_SCHEMES = ("postgresql", "postgres")
_NO_DATABASE = (
    "GATEWAY_DATABASE_URL must be postgresql://USER:PASSWORD@HOST:PORT/NAME, with : / ? # @ and % of a name or "
    "password as %3A and the like"
)
LONGEST_HOURS, LONGEST_PROXIES = 5, 2
"""Digits."""

SETTINGS = (
    Setting("GATEWAY_DATABASE_URL", "an embedded PostgreSQL", "PostgreSQL 15 or newer, as `postgresql://…`."),
    Setting(
        "GATEWAY_DATA_DIR",
        USUAL_DATA_DIR,
        "Holds the embedded PostgreSQL, the generated secret key and the last checkpoint.",
    ),
    Setting(
        "GATEWAY_JOURNAL_DIR",
        "the data directory, /journal",
        "What members decided, outside the database (R41): for all machines, apart from what backups restore.",
    ),
    Setting("GATEWAY_ISSUER", USUAL_ISSUER, "The gateway's public address: the `iss` and `aud` of tokens."),
    Setting(
        "GATEWAY_SECRET_KEY", "generated in the data directory", "At least 32 characters; every key derives from it."
    ),
    Setting(
        "GATEWAY_LOG_ORIGIN",
        "the issuer's host, /access-log",
        "The access log's name in checkpoints; new after a restore.",
    ),
    Setting(
        "GATEWAY_SPOOL_DIR",
        "none",
        "An existing directory that takes each record of the access log a second time, before its answer leaves.",
    ),
    Setting(
        "GATEWAY_SPOOL_POLICY",
        SpoolPolicy.ALL.value,
        "`all`: nothing is answered that is not in the spool too; `any`: it is, and the failure is told.",
    ),
    Setting("GATEWAY_REDIS_URL", "limits in each process", "Redis as `redis://…`: limits hold over all workers."),
    *(
        Setting(f"GATEWAY_LIMIT_{work.upper()}", USUAL_LIMITS[work], f"How often one client may ask for {what}.")
        for work, what in LIMITED.items()
    ),
    Setting(
        "GATEWAY_LIMIT_SIGN_IN",
        USUAL_LIMITS[Work.SIGN_IN],
        "How often one network may try to sign in, or set up an account, under one name.",
    ),
    Setting("GATEWAY_TERMS", FIRST_VERSION, "The version of the terms that partners must have accepted (R28)."),
    Setting("GATEWAY_TERMS_FROM", "at once", "From which RFC 3339 instant on; until then any accepted before will do."),
    Setting("GATEWAY_OPERATOR", "the login name", "Who types commands, as the access log names them."),
    Setting("GATEWAY_PROXIES", "0", "How many reverse proxies stand before the gateway and set `X-Forwarded-For`."),
    Setting("GATEWAY_DPOP_REQUIRED", "0", "`1`: access tokens are bound to a key (DPoP, RFC 9449), or are refused."),
    Setting(
        "GATEWAY_DPOP_NONCES",
        "0",
        "`1`: DPoP proofs need a nonce that the gateway gave out, good for five minutes.",
    ),
    Setting("GATEWAY_PAR_REQUIRED", "0", "`1`: tools push what they ask for (PAR, RFC 9126), or are refused."),
    Setting(
        "GATEWAY_WEBHOOKS_PRIVATE",
        "0",
        "`1` lets notices go to names that lead to private addresses, on your own network.",
    ),
    Setting(
        "GATEWAY_WEBHOOKS_THROTTLE_AFTER",
        THROTTLE_AFTER_H,
        "Hours without an acknowledgement after which a partner has a tenth of its limits.",
    ),
    Setting(
        "GATEWAY_WEBHOOKS_SUSPEND_AFTER",
        SUSPEND_AFTER_H,
        "Hours without an acknowledgement after which a partner is suspended.",
    ),
    Setting("GATEWAY_TESTING", "0", "`1` permits `GATEWAY_NOW`."),
    Setting("GATEWAY_NOW", "the real clock", "An RFC 3339 instant that fixes the clock of every rule; for tests only."),
)


@dataclass(frozen=True)
class Settings:
    """What the gateway was told by its environment."""

    issuer: str
    secret_key: str = field(repr=False)
    data_dir: Path
    database_url: str | None = field(repr=False)
    proxies: int
    fixed_now: datetime | None
    redis_url: str | None = field(default=None, repr=False)
    limits: Mapping[Work, str] = field(default_factory=lambda: dict(USUAL_LIMITS))
    terms: Terms = field(default_factory=Terms)
    workers: int = 1
    """Processes that serve beside each other, this one included."""
    dpop_required: bool = False
    """Whether all access tokens are bound to a key, whatever their client's registration says."""
    dpop_nonces: bool = False
    """Whether proofs need a nonce of the gateway's."""
    par_required: bool = False
    """Whether authorization requests have to be pushed (RFC 9126)."""
    own_journal_dir: Path | None = None
    """Where the rights journal is, if not in the data directory."""
    webhooks_private: bool = False
    """Whether notices may go to names that lead to private addresses."""
    throttle_after: timedelta = timedelta(hours=int(THROTTLE_AFTER_H))
    suspend_after: timedelta = timedelta(hours=int(SUSPEND_AFTER_H))
    """How long a partner may leave notices unacknowledged (R65)."""
    own_log_origin: str | None = None
    """The access log's name where it is not the usual one."""
    spool_dir: Path | None = None
    """Where the access log's spool is, if there is one."""
    spool_policy: SpoolPolicy = SpoolPolicy.ALL

    def now(self) -> datetime:
        """The instant by which every rule, period and due date is judged (UTC)."""
        return self.fixed_now or datetime.now(UTC)

    @property
    def journal_dir(self) -> Path:
        """Where the rights journal is kept."""
        return self.own_journal_dir or self.data_dir / "journal"

    def journal(self, keyring: Keyring) -> Journal:
        """What members decided, outside the database (R41)."""
        return Journal(self.journal_dir, keyring, self.own_journal_dir is not None)

    @property
    def log_origin(self) -> str:
        """The access log's name in its checkpoints."""
        return self.own_log_origin or origin_of(self.issuer)


def data_dir_of(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the gateway keeps what is not in the database."""
    return Path(environ.get("GATEWAY_DATA_DIR") or USUAL_DATA_DIR)


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings; raise `SettingsError` naming the variable at fault."""
    data_dir = data_dir_of(environ)
    return Settings(
        issuer=_issuer(environ.get("GATEWAY_ISSUER") or USUAL_ISSUER),
        secret_key=_secret_key(environ.get("GATEWAY_SECRET_KEY"), data_dir),
        data_dir=data_dir,
        database_url=_database_url(environ.get("GATEWAY_DATABASE_URL") or None),
        proxies=_proxies(environ.get("GATEWAY_PROXIES") or "0"),
        fixed_now=_fixed_now(environ),
        redis_url=_redis_url(environ.get("GATEWAY_REDIS_URL") or None),
        limits={work: _limit(environ, work) for work in Work},
        dpop_required=_switch(environ, "GATEWAY_DPOP_REQUIRED"),
        dpop_nonces=_switch(environ, "GATEWAY_DPOP_NONCES"),
        par_required=_switch(environ, "GATEWAY_PAR_REQUIRED"),
        own_journal_dir=Path(directory) if (directory := environ.get("GATEWAY_JOURNAL_DIR")) else None,
        webhooks_private=_switch(environ, "GATEWAY_WEBHOOKS_PRIVATE"),
        throttle_after=_hours(environ, "GATEWAY_WEBHOOKS_THROTTLE_AFTER", THROTTLE_AFTER_H),
        suspend_after=_hours(environ, "GATEWAY_WEBHOOKS_SUSPEND_AFTER", SUSPEND_AFTER_H),
        own_log_origin=_log_origin(environ.get("GATEWAY_LOG_ORIGIN")),
        terms=_terms(environ),
        spool_dir=Path(directory) if (directory := environ.get("GATEWAY_SPOOL_DIR")) else None,
        spool_policy=_spool_policy(environ.get("GATEWAY_SPOOL_POLICY") or SpoolPolicy.ALL),
    )


def refuse_unsafe_production(environ: Mapping[str, str] = os.environ) -> None:
    """Raise `SettingsError` where a server on an external database would start without a secret key."""
    if environ.get("GATEWAY_DATABASE_URL") and not environ.get("GATEWAY_SECRET_KEY"):
        raise SettingsError("GATEWAY_SECRET_KEY must be set when GATEWAY_DATABASE_URL is: machines must share it")


def operator_name() -> str:
    """Who acts at the command line: as they say, or as they logged in before `sudo`; raise `SettingsError`."""
    name = (os.environ.get("GATEWAY_OPERATOR") or os.environ.get("SUDO_USER") or _login()).lower()
    if not _OPERATOR.fullmatch(name):
        raise SettingsError("GATEWAY_OPERATOR has 1 to 64 letters, digits or the characters . _ @ -")
    return name


def _login() -> str:
    try:
        return getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"


def _issuer(value: str) -> str:
    parts = _parts("GATEWAY_ISSUER", value)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise SettingsError("GATEWAY_ISSUER must be an http(s) address without user, query and fragment")
    return value.rstrip("/")


def _redis_url(value: str | None) -> str | None:
    if value is None:
        return None
    _parts("GATEWAY_REDIS_URL", value)
    beginnings = tuple(f"{scheme}://" for scheme in REDIS_SCHEMES)
    if not value.startswith(beginnings):
        *others, last = beginnings
        raise SettingsError(f"GATEWAY_REDIS_URL must begin with {', '.join(others)} or {last}")
    return value


def _database_url(value: str | None) -> str | None:
    try:
        url = make_url(value) if value is not None else None
    except (ArgumentError, ValueError):
        raise SettingsError(_NO_DATABASE) from None
    if url is not None and (url.get_backend_name() not in DATABASE_SCHEMES or "@" in (url.host or "")):
        raise SettingsError(_NO_DATABASE)
    return value


def _parts(name: str, value: str) -> SplitResult:
    """An address taken apart, its port too. It may hold a password: no error repeats it."""
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - refuses what is none
    except ValueError:
        raise SettingsError(f"{name} must be an address: its host or port is none") from None
    return parts


def _log_origin(value: str | None) -> str | None:
    if value and (not value.isprintable() or " " in value or "+" in value):
        raise SettingsError("GATEWAY_LOG_ORIGIN must not hold blanks or +: it is the name of a key")
    return value or None


def _spool_policy(value: str) -> SpoolPolicy:
    try:
        return SpoolPolicy(value)
    except ValueError:
        raise SettingsError(f"GATEWAY_SPOOL_POLICY must be one of {', '.join(SpoolPolicy)}, not {value!r}") from None


def _secret_key(value: str | None, data_dir: Path) -> str:
    secret = value or _generated_secret(data_dir / "secret_key")
    if len(secret) < MINIMUM_SECRET_LENGTH:
        raise SettingsError(f"GATEWAY_SECRET_KEY must have at least {MINIMUM_SECRET_LENGTH} characters")
    return secret


def _generated_secret(path: Path) -> str:
    """Return the data directory's secret key; two processes that start at once agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    candidate = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        with files.new(candidate) as file:
            file.write(secrets.token_urlsafe(48).encode())
        try:
            os.link(candidate, path)
        except FileExistsError:
            pass
        finally:
            candidate.unlink()
        files.keep_names(path.parent)
    return path.read_text().strip()


def _proxies(value: str) -> int:
    if not value.isdecimal() or len(value) > LONGEST_PROXIES:
        raise SettingsError(f"GATEWAY_PROXIES must be a whole number of at most {LONGEST_PROXIES} digits")
    return int(value)


def _switch(environ: Mapping[str, str], name: str) -> bool:
    value = environ.get(name) or "0"
    if value not in {"0", "1"}:
        raise SettingsError(f"{name} must be 0 or 1, not {value!r}")
    return value == "1"


def _hours(environ: Mapping[str, str], name: str, usual: str) -> timedelta:
    value = environ.get(name) or usual
    if not value.isdecimal() or len(value) > LONGEST_HOURS:
        raise SettingsError(f"{name} must be a whole number of hours, of at most {LONGEST_HOURS} digits")
    return timedelta(hours=int(value))


def rate_of(work: Work, text: str) -> str:
    """Return a rate; a number alone is in the usual unit of the kind of work. Raise `RegistryError`."""
    return check_rate(f"{text}/{USUAL_LIMITS[work].partition('/')[2]}" if text.isdecimal() else text)


def _limit(environ: Mapping[str, str], work: Work) -> str:
    name = f"GATEWAY_LIMIT_{work.upper()}"
    try:
        return rate_of(work, environ.get(name) or USUAL_LIMITS[work])
    except RegistryError as error:
        raise SettingsError(f"{name}: {error}") from error


def _terms(environ: Mapping[str, str]) -> Terms:
    since = environ.get("GATEWAY_TERMS_FROM")
    try:
        version = check_version(environ.get("GATEWAY_TERMS") or FIRST_VERSION)
    except RegistryError as error:
        raise SettingsError(f"GATEWAY_TERMS: {error}") from error
    return Terms(version, _instant("GATEWAY_TERMS_FROM", since) if since else None)


def _fixed_now(environ: Mapping[str, str]) -> datetime | None:
    value, may_be_fixed = environ.get("GATEWAY_NOW"), _switch(environ, "GATEWAY_TESTING")
    return _instant("GATEWAY_NOW", value) if value and may_be_fixed else None


def _instant(name: str, value: str) -> datetime:
    try:
        return read_instant(value)
    except ValueError:
        raise SettingsError(f"{name} must be an RFC 3339 instant such as 2026-11-01T00:00:00Z, not {value!r}") from None
