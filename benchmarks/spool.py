"""`python -m benchmarks.spool`: what the access log's spool costs a card, beside a gateway without it."""

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, redirect_stderr
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_urlsafe
from statistics import median

import click

from benchmarks import servers
from benchmarks.__main__ import ISSUER, filled
from benchmarks.layers import asking
from benchmarks.rounds import measure
from benchmarks.scenarios import scenarios
from gateway.application import create_app
from gateway.cli.serve import leave_on_sigterm
from gateway.observability import log_lines
from gateway.settings import Settings
from partners.postgres.embedded import embedded_postgres
from partners.vocabulary import Work

CALLS = 300
WITHOUT, WITH = "without", "with"


@dataclass(frozen=True)
class Figures:
    """Of one gateway."""

    cards: float
    """A second, from two processes over eight connections."""
    cpu_us: float
    """Of the gateway's process a card, one at a time; the database's is not in it."""


@click.command()
@click.option("--members", default=20_000, show_default=True, type=click.IntRange(200))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=3.0, show_default=True, type=click.FloatRange(0.1), help="Of each measurement.")
@click.option(
    "--where",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A directory on the spool's disk; usually that of the database.",
)
def main(members: int, rounds: int, seconds: float, where: Path | None) -> None:
    """Ask two gateways on one database for cards, by turns."""
    leave_on_sigterm()
    seen = compared(members, rounds=rounds, seconds=seconds, where=where)
    click.echo("          cards/s  CPU a card")
    for name, found in seen.items():
        click.echo(f"{name:>8}  {found.cards:7,.0f}  {found.cpu_us:7,.0f} µs")
    click.echo(f"{seen[WITH].cards / seen[WITHOUT].cards:.0%} of the rate")


def compared(members: int, *, rounds: int, seconds: float, where: Path | None = None) -> Mapping[str, Figures]:
    """Measure both; medians of rounds in turns, of which the first is not counted."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-bench-")))
        spool = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spool-", dir=where or directory)))
        url, secret = stack.enter_context(embedded_postgres(directory)), token_urlsafe(48)
        held, asked = filled(url, members)
        own: dict[str, dict[str, str]] = {WITHOUT: {}, WITH: {"GATEWAY_SPOOL_DIR": str(spool)}}
        ports = {
            name: stack.enter_context(servers.gateway(url, secret, directory, workers=2, seals=False, more=more))
            for name, more in own.items()
        }
        reachable = replace(held, url=f"http://127.0.0.1:{ports[WITHOUT]}")
        card, *_ = scenarios(reachable, asked, members=members, today=datetime.now(UTC).date())
        plain = _settings(url, secret, directory)
        in_process = {WITHOUT: plain, WITH: replace(plain, spool_dir=spool)}
        calls = {name: asking(create_app(settings, url), card) for name, settings in in_process.items()}
        rates: dict[str, list[float]] = {name: [] for name in own}
        costs: dict[str, list[float]] = {name: [] for name in own}
        log_lines.configure()
        with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
            for _ in range(1 + rounds):
                for name in own:
                    rates[name].append(measure(card, ports[name], seconds=seconds))
                    costs[name].append(_cpu_us(calls[name]))
        return {name: Figures(median(rates[name][1:]), median(costs[name][1:])) for name in own}


def _settings(url: str, secret: str, directory: Path) -> Settings:
    unlimited = dict.fromkeys(Work, servers.UNLIMITED)
    return Settings(ISSUER, secret, directory, url, proxies=0, fixed_now=None, limits=unlimited)


def _cpu_us(call: Callable[[], object]) -> float:
    begun = time.process_time()
    for _ in range(CALLS):
        call()
    return (time.process_time() - begun) / CALLS * 1e6


if __name__ == "__main__":
    main()
