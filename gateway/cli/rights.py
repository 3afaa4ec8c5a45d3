"""`gateway rights`: what members decided, applied again after a restore."""

from dataclasses import asdict

import click

from gateway import recovery
from gateway.cli.lazy import Group
from gateway.cli.output import Document, printed
from gateway.cli.session import session


@click.group("rights", cls=Group)
def command() -> None:
    """Look after what members decided."""


@command.command()
@printed
def replay() -> Document:
    """Apply the rights journal to a database that was restored: every erasure, restriction, objection and opt-out.

    `gateway serve` does it by itself, before it serves.
    """
    with session() as opened:
        return asdict(recovery.replay(opened.database, opened.journal, now=opened.settings.now()))
