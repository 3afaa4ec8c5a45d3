"""What the demo's commands find in its data directory."""

import os
from pathlib import Path

import click

from gateway.demo import credentials
from gateway.demo.credentials import Credentials

NO_DEMO = "There is no demo here yet: start one with `gateway demo`, or set GATEWAY_DATA_DIR to that of a running one."


def held() -> Credentials:
    """What its partners hold, or the failure that there is no demo."""
    found = credentials.read(Path(os.environ.get("GATEWAY_DATA_DIR") or "./var"))
    if found is None:
        raise click.ClickException(NO_DEMO)
    return found
