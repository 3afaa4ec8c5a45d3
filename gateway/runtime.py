"""What a running gateway holds: its settings, keys and database."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from flask import current_app

from gateway.settings import Settings
from partners.database import Database
from partners.keyring import Keyring

if TYPE_CHECKING:
    from gateway.limits import PartnersOwn


@dataclass(frozen=True)
class Runtime:
    """Made once by `create_app` and never changed."""

    settings: Settings
    keyring: Keyring
    database: Database
    own_limits: "PartnersOwn"

    def now(self) -> datetime:
        """The instant by which rules are judged; the log, tokens and limits use the real clock."""
        return self.settings.now()


def runtime() -> Runtime:
    """Return the runtime of the application that handles the current request."""
    held: Runtime = current_app.extensions["runtime"]
    return held
