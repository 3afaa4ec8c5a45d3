"""What the demo's commands find in its data directory."""

import click

from gateway.demo import credentials
from gateway.demo.credentials import Credentials

NO_DEMO = "There is no demo here yet: start one with `gateway demo`, or set GATEWAY_DATA_DIR to that of a running one."


def held() -> Credentials:
    """What its partners hold, or the failure that there is no demo."""
    from gateway.settings import data_dir_of  # noqa: PLC0415 - the help of a command needs no settings

    found = credentials.read(data_dir_of())
    if found is None:
        raise click.ClickException(NO_DEMO)
    return found
