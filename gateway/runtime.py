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
    def journal(self) -> Journal:
        """What members decided, outside the database (R41)."""
        return self.settings.journal(self.keyring)

    @cached_property
    def stored_figures(self) -> tuple[StoredFigures, ...]:
        """What the database knows of the log, of the security tools that follow it, and of notices."""
        kinds = (log_figures, sink_figures, notice_figures)
        return tuple(StoredFigures(self.database.write, kind.collect) for kind in kinds)

    def now(self) -> datetime:
        """The instant by which rules are judged; the log, tokens and limits use the real clock."""
        return self.settings.now()


def runtime() -> Runtime:
    """Return the runtime of the application that handles the current request."""
    held: Runtime = current_app.extensions["runtime"]
    return held
