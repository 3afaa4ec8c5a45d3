"""`python -m benchmarks.endurance`: a mixed load for a long time; fails on errors, growth of memory or long tails."""

import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from secrets import token_urlsafe

import click
from sqlalchemy import Engine

from benchmarks import servers
from benchmarks.__main__ import ISSUER
from benchmarks.filling import WEBMASTER, fill, usernames
from benchmarks.mixed_load import SUSPENDED, Kind, Seen, kinds, running
from gateway.cli.serve import leave_on_sigterm
from gateway.demo import registration, tokens
from gateway.demo.credentials import Credentials
from gateway.preparation import prepare
from partners.postgres import database
from partners.postgres.embedded import embedded_postgres
from partners.registry import partners

WARM_UP_SHARE = 0.25
LONGEST_WARM_UP_S = 120
MOST_GROWTH_MIB = 32.0
MOST_TAIL = 10.0
PAGE_BYTES = 4_096
SUSPENDED_S, ACTIVE_S = 1.0, 4.0


@dataclass(frozen=True)
class Stage:
    """A served gateway, and what can be asked of it."""

    held: Credentials
    port: int
    kinds: tuple[Kind, ...]
    log: Path
    engine: Engine

    def memory(self) -> dict[int, float]:
        """Resident memory of each worker, in MiB."""
        return {pid: _resident(pid) for pid in sorted(_workers(self.log))}


@click.command()
@click.option("--minutes", default=15.0, show_default=True, type=click.FloatRange(0.1))
@click.option("--members", default=5_000, show_default=True, type=click.IntRange(500))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1))
@click.option("--most-growth", default=MOST_GROWTH_MIB, show_default=True, help="MiB that a worker may grow by.")
def main(minutes: float, members: int, workers: int, most_growth: float) -> None:
    """Ask everything at once while the feed runs, members choose and a partner is suspended over and over."""
    leave_on_sigterm()
    with staged(members, workers=workers) as stage:
        seen, warm, end = endure(stage, minutes * 60)
    click.echo(table(seen))
    click.echo(memory_table(warm, end))
    faults = [*faults_of(seen), *growth_of(warm, end, most_growth)]
    click.echo("\n".join(faults) or "Nothing is wrong.")
    sys.exit(1 if faults else 0)


@contextmanager
def staged(members: int, *, workers: int) -> Iterator[Stage]:
    """Fill a PostgreSQL of its own, and serve the gateway on it."""
    now = datetime.now(UTC)
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-endurance-")))
        url, secret = stack.enter_context(embedded_postgres(directory)), token_urlsafe(48)
        owner = database.owner(url)
        stack.callback(owner.dispose)
        prepare(owner, now=now)
        with owner.begin() as connection:
            held = registration.register(connection, now.date(), url=ISSUER, issuer=ISSUER, now=now)
            fill(connection, members=members, now=now)
            asked = tuple(usernames(connection))
        port = stack.enter_context(servers.gateway(url, secret, directory, workers=workers))
        reachable = replace(held, url=f"http://127.0.0.1:{port}")
        wanted = kinds(asked, _refs(reachable, port), now.date())
        yield Stage(reachable, port, wanted, directory / "gateway.log", owner)


def endure(stage: Stage, seconds: float) -> tuple[Mapping[Kind, Seen], Mapping[int, float], Mapping[int, float]]:
    """Load it so long; return what was seen after the warm-up, and the workers' memory after it and at the end."""
    warm_up = min(seconds * WARM_UP_SHARE, LONGEST_WARM_UP_S)
    _load(stage, warm_up)
    warm = stage.memory()
    return _load(stage, seconds - warm_up), warm, stage.memory()


def _load(stage: Stage, seconds: float) -> Mapping[Kind, Seen]:
    ends = time.monotonic() + seconds
    with running(stage.held, stage.port, stage.kinds) as seen:
        while (left := ends - time.monotonic()) > 0:
            time.sleep(min(ACTIVE_S, left))
            with stage.engine.begin() as connection:
                partners.suspend(connection, SUSPENDED)
            time.sleep(SUSPENDED_S)
            with stage.engine.begin() as connection:
                partners.resume(connection, SUSPENDED)
    return seen


def _refs(held: Credentials, port: int) -> Sequence[str]:
    token = tokens.fetch(held, tokens.Wanted(f"webmaster:{WEBMASTER}", "members:read"))["access_token"]
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/v1/webmaster/members?limit=200", headers={"Authorization": f"Bearer {token}"})
    rows = json.loads(connection.getresponse().read())["data"]
    connection.close()
    return [row["ref"] for row in rows]


def _workers(log: Path) -> set[int]:
    lines = (json.loads(line) for line in log.read_text().splitlines() if '"worker_started"' in line)
    started = {int(line["about"][0]) for line in lines}
    return {pid for pid in started if Path(f"/proc/{pid}").exists()}


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / 1024 / 1024


def faults_of(seen: Mapping[Kind, Seen]) -> Iterator[str]:
    """What was not in order, in words."""
    for kind, found in seen.items():
        if errors := found.errors(kind.good):
            yield f"{kind.name}: {errors} answers were errors: {dict(found.statuses)}"
        if not found.seconds:
            yield f"{kind.name}: nothing was answered"
        elif found.percentile(0.99) > MOST_TAIL * found.percentile(0.5):
            yield f"{kind.name}: the slowest hundredth took over {MOST_TAIL:.0f} times as long as usual"


def growth_of(warm: Mapping[int, float], end: Mapping[int, float], most: float) -> Iterator[str]:
    """Workers that grew, and such as did not live through it."""
    for pid, before in warm.items():
        if pid not in end:
            yield f"worker {pid} is gone"
        elif end[pid] - before > most:
            yield f"worker {pid} grew by {end[pid] - before:.1f} MiB, over {most:.0f}"


def table(seen: Mapping[Kind, Seen]) -> str:
    """What was seen, as text."""
    heading = ("kind", "answers", "errors", "p50 ms", "p99 ms", "p99/p50", "statuses")
    rows = [heading, *(_row(kind, found) for kind, found in seen.items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.rjust, row, widths)) for row in rows)


def _row(kind: Kind, found: Seen) -> tuple[str, ...]:
    usual, slow = found.percentile(0.5), found.percentile(0.99)
    statuses = " ".join(f"{status}:{count}" for status, count in sorted(found.statuses.items()))
    ratio = f"{slow / usual:.1f}" if usual else "-"
    counts = (str(len(found.seconds)), str(found.errors(kind.good)))
    return kind.name, *counts, f"{usual * 1000:.1f}", f"{slow * 1000:.1f}", ratio, statuses


def memory_table(warm: Mapping[int, float], end: Mapping[int, float]) -> str:
    """The workers' memory, as text."""
    return "\n".join(
        f"worker {pid}: {before:.1f} MiB warm, {end.get(pid, 0.0):.1f} MiB at the end" for pid, before in warm.items()
    )


if __name__ == "__main__":
    main()
