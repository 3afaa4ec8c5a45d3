"""`gateway retention`: what has outlived its time goes."""

from dataclasses import asdict

import click

from gateway.cli.output import Document, printed
from gateway.cli.session import Session, session
from partners import database
from partners.rights.retention import Swept, forget_networks, sweep
from partners.schema import make_partitions


@click.group("retention")
def command() -> None:
    """Keep no data longer than the policy says."""


@command.command()
@printed
def run() -> Document:
    """Delete what has lapsed, report what was skipped, and make the log's coming partitions. Run it daily."""
    with session() as opened:
        swept = sweep(opened.database.write, now=opened.settings.now(), real_now=opened.instant())
        return asdict(swept + _as_owner(opened))


def _as_owner(opened: Session) -> Swept:
    """Do what only the owner of the tables may: partitions, and the network data of old accesses."""
    owner = database.owner(opened.url)
    try:
        with owner.begin() as connection:
            make_partitions(connection, now=opened.instant())
        return forget_networks(owner, real_now=opened.instant())
    finally:
        owner.dispose()
