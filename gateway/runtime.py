"""What a running gateway holds: its settings, keys and database."""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from flask import current_app

from gateway.http.cursors import Cursors
from gateway.observability import log_figures, notice_figures, sink_figures
from gateway.observability.stored_figures import StoredFigures
from gateway.settings import Settings
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.references import References
from partners.rights.journal import Journal

if TYPE_CHECKING:
    from gateway.http.limits import PartnersOwn


SEATS = 2
"""Of the eight threads of a process, so many may be held by who waits."""


@dataclass(frozen=True)
class Runtime:
    """Made once by `create_app` and never changed."""

    settings: Settings
    keyring: Keyring
    database: Database
    own_limits: "PartnersOwn"
    seats: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(SEATS))
    """For requests that wait for something to happen, each of which holds a thread."""

    @cached_property
    def references(self) -> References:
        """What makes and reads partners' refs."""
        return References(self.keyring)

    @cached_property
    def cursors(self) -> Cursors:
        """What seals and opens positions in lists."""
        return Cursors(self.keyring)

    @cached_property
    def sink_figures(self) -> StoredFigures:
        """How far security tools are behind the log."""
        return StoredFigures(self.database.write, sink_figures.collect)

    @cached_property
    def log_figures(self) -> StoredFigures:
        """How far the log is sealed, and what is to be looked at."""
        return StoredFigures(self.database.write, log_figures.collect)

    @cached_property
    def journal(self) -> Journal:
        """What members decided, outside the database (R41)."""
        return self.settings.journal(self.keyring)

    @cached_property
    def notice_figures(self) -> StoredFigures:
        """What partners have still to be told."""
        return StoredFigures(self.database.write, notice_figures.collect)

    def now(self) -> datetime:
        """The instant by which rules are judged; the log, tokens and limits use the real clock."""
        return self.settings.now()


def runtime() -> Runtime:
    """Return the runtime of the application that handles the current request."""
    held: Runtime = current_app.extensions["runtime"]
    return held
