"""What a running gateway holds: its settings, keys and database."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from flask import current_app

from gateway.cursors import Cursors
from gateway.settings import Settings
from partners.database import Database
from partners.keyring import Keyring
from partners.references import References

if TYPE_CHECKING:
    from gateway.limits import PartnersOwn


@dataclass(frozen=True)
class Runtime:
    """Made once by `create_app` and never changed."""

    settings: Settings
    keyring: Keyring
    database: Database
    own_limits: "PartnersOwn"

    @cached_property
    def references(self) -> References:
        """What makes and reads partners' refs."""
        return References(self.keyring)

    @cached_property
    def cursors(self) -> Cursors:
        """What seals and opens positions in lists."""
        return Cursors(self.keyring)

    def now(self) -> datetime:
        """The instant by which rules are judged; the log, tokens and limits use the real clock."""
        return self.settings.now()


def runtime() -> Runtime:
    """Return the runtime of the application that handles the current request."""
    held: Runtime = current_app.extensions["runtime"]
    return held
