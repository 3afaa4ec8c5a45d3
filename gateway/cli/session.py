"""What a command works with: the settings, the keys, and the database, started and prepared where it is embedded."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from threading import Event

from sqlalchemy import func, select, text

from gateway import settings as gateway_settings
from gateway.cli.lazy import importing
from gateway.settings import Settings, SettingsError
from partners.keyring import Keyring
from partners.postgres import database
from partners.postgres.database import Database
from partners.postgres.embedded import embedded_postgres
from partners.postgres.locks import Lock
from partners.registry import signing_keys
from partners.rights.journal import Journal


@dataclass(frozen=True)
class Session:
    """A command's means, for as long as its block runs."""

    settings: Settings
    database: Database
    url: str

    @cached_property
    def keyring(self) -> Keyring:
        """The keys of this secret; raise `RegistryError` where the database was written with another."""
        keyring = Keyring(self.settings.secret_key)
        with self.database.write.connect() as connection:
            signing_keys.refuse_another_secret(connection, keyring)
        return keyring

    @property
    def journal(self) -> Journal:
        """What members decided, outside the database (R41)."""
        return self.settings.journal(self.keyring)

    def instant(self) -> datetime:
        """The real clock: by it credentials are made and expire, and terms are accepted."""
        return datetime.now(UTC)


@contextmanager
def session(*, upgrade: bool = False) -> Iterator[Session]:
    """Open the gateway's database; raise `SettingsError`, `EmbeddedError` or a database error.

    The embedded database is always brought up to date first, an external one only if `upgrade` is asked for.
    """
    settings = gateway_settings.read()
    with _database_url(settings) as url:
        if upgrade or settings.database_url is None:
            _prepare(url)
        opened = database.connect(url)
        try:
            yield Session(settings, opened, url)
        finally:
            opened.dispose()


@contextmanager
def _database_url(settings: Settings) -> Iterator[str]:
    if settings.database_url is not None:
        yield settings.database_url
    else:
        with embedded_postgres(settings.data_dir) as url:
            yield url


def _prepare(url: str) -> None:
    with importing():
        from gateway.preparation import prepare  # noqa: PLC0415 - builds every statement, which few commands need

    # Two engines: the lock must outlast every transaction of the preparation.
    locking, owner = database.owner(url), database.owner(url)
    try:
        with locking.connect() as connection:
            if connection.scalar(text("SHOW server_encoding")) != "UTF8":
                raise SettingsError("the database's encoding must be UTF8; see createdb in docs/operations.md")
            connection.execute(select(func.pg_advisory_lock(Lock.PREPARING.key)))
            prepare(owner, now=datetime.now(UTC))
    finally:
        owner.dispose()
        locking.dispose()


def told_to_stop() -> Event:
    """An event that SIGTERM and SIGINT set."""
    stop = Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    return stop
