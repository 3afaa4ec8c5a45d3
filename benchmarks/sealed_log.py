"""How long it takes to seal and to verify a log: `python -m benchmarks.sealed_log`."""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy import Engine, text

from benchmarks import sealed_load
from gateway.preparation import prepare
from partners.access_log.keys import DerivedKeys
from partners.access_log.sequencer import seal
from partners.access_log.stored_checkpoints import Anchor
from partners.access_log.verifying import Verification
from partners.keyring import Keyring
from partners.postgres import database
from partners.postgres.embedded import embedded_postgres

ENTRIES = 1_000_000
_AT_ONCE = 4_000
KEYS = DerivedKeys(Keyring("a secret key for measurements only"), "gateway.example/access-log")
_FILL = """
WITH made AS (
    SELECT number, date_trunc('month', now()) + number * interval '1 millisecond' AS at,
           'req_' || md5(number::text) AS request_id, md5('salt' || number) AS salt,
           md5('net' || number)::uuid AS pepper
      FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS number),
numbered AS (
    SELECT *, (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7'
               || substr(md5(number::text), 1, 3) || '8' || substr(md5(number::text), 4, 15))::uuid AS id
      FROM made),
subjects AS (
    INSERT INTO access_subject SELECT number % 50000 + 1, at, id, 3 FROM numbered),
networks AS (
    INSERT INTO access_network SELECT at, id, '192.0.2.7', pepper FROM numbered)
INSERT INTO access_log (at, id, request_id, audience, partner, client, operation, purpose, outcome, status,
                        member_count, verdicts, policy_version, leaf)
SELECT at, id, request_id, 'webmaster', 'northlight', 'client-1', 'members.get', 'campaigns', 'released', 200,
       1, '[[3, 1]]', '4f1c0d2a9b7e', convert_to(jsonb_build_object(
           'v', 1, 'id', 'acc_' || replace(id::text, '-', ''), 'salt', salt,
           'at', to_char(timezone('UTC', at), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           'network', encode(sha256(uuid_send(pepper) || substring(inet_send('192.0.2.7') from 5)), 'hex'),
           'members', encode(sha256(convert_to((number % 50000 + 1) || '\\:3', 'UTF8')), 'hex'),
           'request_id', request_id, 'audience', 'webmaster', 'partner', 'northlight', 'client', 'client-1',
           'model', NULL, 'operation', 'members.get', 'purpose', 'campaigns', 'policy_version', '4f1c0d2a9b7e',
           'outcome', 'released', 'status', 200, 'reason', NULL, 'member_count', 1,
           'verdicts', '[[3, 1]]'::jsonb)::text, 'UTF8')
  FROM numbered
"""


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long a block takes, on the wall and in this process and those that it begins and ends."""
    wall, cpu = time.perf_counter(), _cpu_of_python()
    yield
    spent = _cpu_of_python() - cpu
    sys.stdout.write(f"{what:>10}: {time.perf_counter() - wall:6.2f} s ({spent:.2f} s of Python)\n")


def _cpu_of_python() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def main(entries: int, load: float) -> None:
    """Fill, seal and verify a log; or seal beside those who append."""
    with (
        tempfile.TemporaryDirectory(prefix="gateway-sealed-log-") as directory,
        embedded_postgres(Path(directory)) as url,
    ):
        owner, sealer = database.owner(url), database.sealer(url)
        prepare(owner, now=datetime.now(UTC))
        if load:
            sealed_load.measure(url, Path(directory), KEYS, load)
            return
        with timed("fill"):
            _fill(owner, entries)
        with timed("seal"), sealer.connect() as connection:
            while seal(connection, KEYS, Anchor(Path(directory), KEYS.name)).is_full:
                pass
        sealer.dispose()
        owner.dispose()
        _verify(url, Path(directory))


def _fill(owner: Engine, entries: int) -> None:
    """Append records, some thousands in a transaction: so many of one only are scanned again batch by batch."""
    for first in range(0, entries, _AT_ONCE):
        with owner.begin() as connection:
            last = min(first + _AT_ONCE, entries) - 1
            connection.execute(text(_FILL), {"first": first, "last": last})


def _verify(url: str, directory: Path) -> None:
    engines = database.connect(url)
    with engines.write.connect() as connection:
        trust = KEYS.trust(connection)
    repeatable = engines.write.execution_options(isolation_level="REPEATABLE READ")
    before = _cpu_of_database(directory)
    with timed("verify"), repeatable.connect() as connection:
        walk = Verification(connection, trust, [], now=datetime.now(UTC), engine=engines.write)
        findings = list(walk.findings())
    engines.dispose()
    sys.stdout.write(f"{'beside it':>10}: {_cpu_of_database(directory) - before:.2f} s of the database\n")
    sys.stdout.write(
        f"{walk.covered.entries} entries, {walk.covered.checkpoints} checkpoints, {len(findings)} findings\n"
    )
    for finding in findings[:5]:
        sys.stdout.write(f"{finding.sentence()}\n")


def _cpu_of_database(directory: Path) -> float:
    """Seconds that the embedded server's processes have spent, those that have ended included (proc(5))."""
    server = (directory / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0]
    times = [_times_of(path) for path in Path("/proc").glob("[0-9]*/stat")]
    ended = sum(sum(each[2:]) for pid, _, each in times if pid == server)
    return ended + sum(sum(each[:2]) for _, parent, each in times if parent == server)


def _times_of(path: Path) -> tuple[str, str, list[float]]:
    """A process, its parent, and the seconds of it and of those it has waited for, as a user's and as the system's."""
    try:
        fields = path.read_text().rpartition(")")[2].split()
    except OSError:
        return "", "", [0.0] * 4
    return path.parent.name, fields[1], [int(each) / os.sysconf("SC_CLK_TCK") for each in fields[11:15]]


@click.command()
@click.argument("entries", type=click.IntRange(1), default=ENTRIES)
@click.option("--load", type=float, default=0.0, help="Seal beside writers instead, in rounds of so many seconds.")
def command(entries: int, load: float) -> None:
    """Seal and verify a log of so many ENTRIES."""
    main(entries, load)


if __name__ == "__main__":
    command()
