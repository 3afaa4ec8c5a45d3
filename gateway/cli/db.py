"""`gateway db`: the database itself."""

import click

from gateway.cli.lazy import Group
from gateway.cli.output import Document, printed
from gateway.cli.session import session


@click.group("db", cls=Group)
def command() -> None:
    """Look after the database."""


@command.command()
@printed
def upgrade() -> Document:
    """Bring the database to this version: tables, partitions, rights, policy. Safe to repeat."""
    with session(upgrade=True) as opened:
        place = "external" if opened.settings.database_url else "embedded"
    return {"database": place, "upgraded": True}
