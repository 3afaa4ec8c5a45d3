"""`python -m benchmarks`: a PostgreSQL of its own, filled; the gateway and two floors on it; a table at the end."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_urlsafe

import click
from flask import Flask

from benchmarks import layers, servers
from benchmarks.filling import fill, usernames
from benchmarks.rounds import Measured, run, table
from benchmarks.scenarios import Scenario, scenarios
from gateway.application import create_app
from gateway.cli.serve import leave_on_sigterm
from gateway.demo import registration
from gateway.demo.credentials import Credentials
from gateway.observability import log_lines
from gateway.preparation import prepare
from gateway.settings import Settings
from partners.postgres import database
from partners.postgres.embedded import embedded_postgres
from partners.vocabulary import Work

ISSUER = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Stage:
    """Everything that runs, and what can be asked of it."""

    ports: dict[Measured, int]
    scenarios: tuple[Scenario, ...]
    app: Flask
    """The gateway in this process."""


@click.command()
@click.option("--members", default=200_000, show_default=True, type=click.IntRange(200))
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=3.0, show_default=True, type=click.FloatRange(0.1), help="Of each measurement.")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1), help="Processes of each server.")
@click.option("--seal", is_flag=True, help="Seal the log meanwhile, also what the floor records.")
@click.option("--served-alike", is_flag=True, help="Give the floors the gateway's own kind of worker.")
def main(members: int, rounds: int, seconds: float, workers: int, *, seal: bool, served_alike: bool) -> None:
    """Measure the gateway beside the same queries without it."""
    leave_on_sigterm()
    with staged(members, workers=workers, seals=seal, served_alike=served_alike) as stage:
        click.echo(table(run(stage.scenarios, stage.ports, rounds=rounds, seconds=seconds)))
        log_lines.configure()
        with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
            found = layers.layers(stage.app, stage.scenarios[0], rounds=rounds)
        click.echo(f"\n{layers.table(found)}")


@contextmanager
def staged(members: int, *, workers: int, seals: bool = False, served_alike: bool = False) -> Iterator[Stage]:
    """Fill a PostgreSQL that is as durable as in production, and start the servers on it."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-bench-")))
        url, secret = stack.enter_context(embedded_postgres(directory)), token_urlsafe(48)
        held, asked = filled(url, members)
        floors = {
            server: stack.enter_context(
                servers.floor(server, url, directory, workers=workers, served_alike=served_alike)
            )
            for server in (Measured.FLOOR, Measured.RECORDED_FLOOR)
        }
        port = stack.enter_context(servers.gateway(url, secret, directory, workers=workers, seals=seals))
        reachable = replace(held, url=f"http://127.0.0.1:{port}")
        wanted = scenarios(reachable, asked, members=members, today=datetime.now(UTC).date())
        yield Stage({Measured.GATEWAY: port, **floors}, wanted, _in_process(url, secret, directory))


def _in_process(url: str, secret: str, directory: Path) -> Flask:
    os.environ["FLOOR_URL"] = url
    unlimited = dict.fromkeys(Work, servers.UNLIMITED)
    return create_app(Settings(ISSUER, secret, directory, url, proxies=0, fixed_now=None, limits=unlimited), url)


def filled(url: str, members: int) -> tuple[Credentials, tuple[str, ...]]:
    """Prepare and fill a database; return what opens it, and the usernames to ask for."""
    now = datetime.now(UTC)
    owner = database.owner(url)
    prepare(owner, now=now)
    with owner.begin() as connection:
        held = registration.register(connection, now.date(), url=ISSUER, issuer=ISSUER, now=now)
        fill(connection, members=members, now=now)
        asked = tuple(usernames(connection))
    owner.dispose()
    return held, asked


if __name__ == "__main__":
    main()
