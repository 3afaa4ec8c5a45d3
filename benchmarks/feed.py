"""`python -m benchmarks.feed`: a made-up feed through the real command line into an embedded PostgreSQL, timed."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
import orjson

from benchmarks.feed_events import CAMPAIGNS, WEBMASTERS, feed
from gateway.cli.serve import leave_on_sigterm
from gateway.preparation import prepare
from partners.postgres import database
from partners.postgres.embedded import embedded_postgres
from partners.registry import campaigns, partners
from partners.registry.campaigns import Campaign
from partners.registry.partners import Partner
from partners.vocabulary import PartnerKind

_TICKS = os.sysconf("SC_CLK_TCK")
_KIBIBYTES_OF_A_MEGABYTE = 1_000_000 / 1_024


@dataclass(frozen=True)
class Ingested:
    """What became of a feed, and what it took: seconds on the clock and of processors, and the most memory held."""

    report: Mapping[str, int]
    seconds: float
    ingest_cpu: float
    database_cpu: float
    peak_mb: float

    def told(self) -> str:
        """For people, one figure a line."""
        events = sum(self.report[name] for name in ("accepted", "duplicates", "rejected"))
        cpu = (f"{of} {spent:.1f} ({spent / events * 1e6:.0f} µs an event)" for of, spent in self._processors())
        return "\n".join(
            (
                f"events: {events:,} ({self.report['rejected']:,} rejected) in {self.seconds:.1f} s",
                f"events/s: {events / self.seconds:,.0f}",
                f"CPU seconds: {', '.join(cpu)}",
                f"peak memory of ingest: {self.peak_mb:.0f} MB",
            )
        )

    def _processors(self) -> tuple[tuple[str, float], tuple[str, float]]:
        return ("ingest", self.ingest_cpu), ("database", self.database_cpu)


@click.command()
@click.option("--events", default=2_000_000, show_default=True, type=click.IntRange(1_000))
@click.option("--members", default=20_000, show_default=True, type=click.IntRange(10))
@click.option("--seed", default=1, show_default=True)
def main(events: int, members: int, seed: int) -> None:
    """Measure how fast `gateway ingest` applies a feed; the same seed tells the same feed."""
    leave_on_sigterm()
    click.echo(measured(events, members=members, seed=seed).told())


def measured(events: int, *, members: int, seed: int) -> Ingested:
    """Write a feed to a file, let `gateway ingest` apply it, and delete everything again."""
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as made:
        directory = Path(made)
        file = directory / "feed.ndjson"
        with file.open("wb") as written:
            written.writelines(orjson.dumps(event) + b"\n" for event in feed(events, members=members, seed=seed))
        # Kept running between the commands; its processes are told apart from theirs.
        with embedded_postgres(directory) as url:
            _prepare(url)
            return _timed(file, directory)


def _prepare(url: str) -> None:
    owner, now = database.owner(url), datetime.now(UTC)
    prepare(owner, now=now)
    with owner.begin() as connection:
        for webmaster in WEBMASTERS:
            partners.add(
                connection, Partner(webmaster, PartnerKind.WEBMASTER, webmaster.title(), terms_accepted_at=now)
            )
            for campaign in CAMPAIGNS:
                campaigns.add(connection, Campaign(webmaster, campaign, campaign.title()))
    owner.dispose()


def _timed(file: Path, directory: Path) -> Ingested:
    before, spent, began = _database_cpu(directory), _cpu_of_children(), time.monotonic()
    said = _run(("ingest", str(file), "--json"), directory)
    seconds = time.monotonic() - began
    return Ingested(
        json.loads(said),
        seconds,
        _cpu_of_children() - spent,
        _database_cpu(directory) - before,
        resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _KIBIBYTES_OF_A_MEGABYTE,
    )


def _run(command: tuple[str, ...], directory: Path) -> str:
    foreign = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "gateway.cli", *command],
        env=foreign | {"GATEWAY_DATA_DIR": str(directory)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def _cpu_of_children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _database_cpu(directory: Path) -> float:
    """Seconds that the server's processes have spent, those that have ended too."""
    server = (directory / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0]
    stats = [_stat(path) for path in Path("/proc").glob("[0-9]*/stat")]
    ticks = (sum(map(int, stat[11:15])) for pid, stat in stats if server in (pid, stat[1]))
    return sum(ticks) / _TICKS


def _stat(path: Path) -> tuple[str, list[str]]:
    """A process and what the kernel tells of it, from its state on (proc(5)); nothing of one that has just ended."""
    try:
        return path.parent.name, path.read_text().rpartition(")")[2].split()
    except OSError:
        return path.parent.name, [""] * 15


if __name__ == "__main__":
    main()
