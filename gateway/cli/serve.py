"""`gateway serve`: the production server."""

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from types import FrameType

import click
from sqlalchemy.exc import ProgrammingError

from gateway import settings
from gateway.cli.options import host_option, port_option
from gateway.cli.output import json_text
from gateway.cli.session import session
from gateway.readiness import lack_of
from gateway.recovery import before_serving
from gateway.serving.server import ServerError, Serving, address_of, bind, serve
from partners.postgres import database
from partners.postgres.partitions import make_partitions

MOST_WORKERS_BY_DEFAULT = 4
workers_option = click.option(
    "--workers", type=click.IntRange(1, 64), help="Processes; by default one a processor, at most 4."
)


@click.command("serve")
@host_option
@port_option
@workers_option
@click.option(
    "--seal/--no-seal",
    "seals",
    default=True,
    show_default=True,
    help="Whether a worker seals the access log; otherwise `gateway audit seal` has to.",
)
@click.option(
    "--detect/--no-detect",
    "detects",
    default=True,
    show_default=True,
    help="Whether a worker runs the detections over it; otherwise `gateway audit detect` has to.",
)
@click.option("--json", "as_json", is_flag=True, help="Announce the start as one JSON document.")
def command(host: str, port: int, workers: int | None, *, seals: bool, detects: bool, as_json: bool) -> None:
    """Serve the gateway over HTTP until SIGTERM or SIGINT.

    The server's own log, one JSON line for each request, goes to the standard error stream.
    """
    settings.refuse_unsafe_production()
    count = workers or default_workers()
    with reserved(host, port) as listener:
        announcement = {"url": address_of(listener), "workers": count, "pid": os.getpid()}
        text = json_text(announcement) if as_json else f"Serving on {announcement['url']}; stop with Ctrl-C."
        _serve(listener, count, announce=lambda: click.echo(text), seals=seals, detects=detects)


def _serve(listener: socket.socket, workers: int, *, announce: Callable[[], None], seals: bool, detects: bool) -> None:
    leave_on_sigterm()
    with session() as opened:
        if opened.settings.database_url is not None:
            _make_ready(opened.url)
        before_serving(opened.settings, opened.url)
        # Nothing that was opened here may be used by two processes.
        opened.database.dispose()
        serve(Serving(opened.settings, opened.url, listener, workers, announce, seals, detects))


def reserved(host: str, port: int) -> socket.socket:
    """Bind the address before anything is started, or say why that cannot be."""
    try:
        return bind(host, port)
    except ServerError as error:
        raise click.ClickException(f"{error} Choose another with --port.") from error


def default_workers() -> int:
    """One process for each processor, but not many."""
    return min(os.cpu_count() or 1, MOST_WORKERS_BY_DEFAULT)


def leave_on_sigterm() -> None:
    """End the process in order from the first moment on, so that an embedded database is stopped."""

    def leave(signum: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + signum)

    signal.signal(signal.SIGTERM, leave)


def _make_ready(url: str) -> None:
    """Make the partitions an external database lacks; refuse one that was not migrated."""
    now = datetime.now(UTC)
    owner = database.owner(url)
    # A login without the owner's rights leaves it to `gateway db upgrade`; whether it was done is asked below.
    with suppress(ProgrammingError), owner.begin() as connection:
        make_partitions(connection, now=now)
    owner.dispose()
    if (lack := lack_of(url, now=now)) is not None:
        raise click.ClickException(f"The gateway cannot serve: {lack}. Run `gateway db upgrade`.")
