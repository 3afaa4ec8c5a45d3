"""How fast it is told who saw a member, and the size of a bulk record: `python -m benchmarks.subjects`."""

import random
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, text

from gateway.preparation import prepare
from partners.access_log.disclosures import disclosures_of
from partners.postgres import database
from partners.postgres.embedded import embedded_postgres

MEMBERS = 200_000
IN_BULK, IN_BLOCKS, ONE_BY_ONE = 3_000_000, 1_000_000, 1_000_000
"""Disclosures of a member each: in exports of 20,000 members, in pages of 100 neighbours, and in pages of any 100."""
LOOKED_UP = 50
_RECORDS = """
INSERT INTO access_log (at, id, request_id, audience, partner, operation, purpose, outcome, status, member_count,
                        verdicts, policy_version, leaf)
SELECT date_trunc('month', now()) + number * interval '1 second',
       (lpad(to_hex(number), 8, '0') || '-' || CAST(:kind AS text) || '-7000-8000-000000000000')::uuid, '', 'webmaster',
       'w1', 'members.list', 'campaigns', 'released', 200, :members, '[[3, 1]]', 'v', ''
  FROM generate_series(1, :count) AS number
"""
_SETS = """
INSERT INTO access_subject_set (member_bucket, at, access, verdict, member_offsets)
SELECT member >> 14, at, id, 3, array_agg((member & 16383)::smallint ORDER BY member)
  FROM access_log, generate_series(0, 19999) AS place, LATERAL (SELECT (place * 10 + status % 10
       + ('x' || substr(id::text, 1, 8))::bit(32)::int % 10) AS member) AS numbered
 WHERE member_count = 20000 GROUP BY 1, 2, 3
"""
_BLOCKS = """
INSERT INTO access_subject_block (member_bucket, at, access, verdict, member_offsets)
SELECT member >> 10, at, id, 3, array_agg((member & 1023)::smallint ORDER BY member)
  FROM access_log, generate_series(0, 99) AS place, LATERAL (SELECT
       (('x' || substr(id::text, 1, 8))::bit(32)::int * 7919 + place * 2) % :members AS member) AS numbered
 WHERE member_count = 100 AND id::text LIKE '%-0002-7000-%' GROUP BY 1, 2, 3
"""
_ROWS = """
INSERT INTO access_subject (member, at, access, verdict)
SELECT (('x' || substr(id::text, 1, 8))::bit(32)::int * 7919 + place * 1999) % :members, at, id, 3
  FROM access_log, generate_series(1, 100) AS place WHERE member_count = 100 AND id::text LIKE '%-0001-7000-%'
    ON CONFLICT DO NOTHING
"""
_SIZE = "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = :table ::regclass"


def main() -> None:
    """Fill, weigh, and look members up."""
    with (
        tempfile.TemporaryDirectory(prefix="gateway-subjects-") as directory,
        embedded_postgres(Path(directory)) as url,
    ):
        owner = database.owner(url)
        prepare(owner, now=datetime.now(UTC))
        with owner.begin() as connection:
            for kind, disclosures, members in (
                ("0000", IN_BULK, 20_000),
                ("0001", ONE_BY_ONE, 100),
                ("0002", IN_BLOCKS, 100),
            ):
                connection.execute(text(_RECORDS), {"kind": kind, "count": disclosures // members, "members": members})
            before = _size(connection, "access_subject_set")
            connection.execute(text(_SETS))
            grown = _size(connection, "access_subject_set") - before
            for statement in (_ROWS, _BLOCKS):
                connection.execute(text(statement), {"members": MEMBERS})
        with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
            sys.stdout.write(f"in bulk: {grown / IN_BULK:.2f} bytes a member and access\n")
            _look_up(connection)
        owner.dispose()


def _size(connection: Connection, table: str) -> int:
    return int(connection.execute(text(_SIZE), {"table": table}).scalar_one())


def _look_up(connection: Connection) -> None:
    chance, took, found = random.Random(1), [], 0  # noqa: S311 - nothing secret
    for _ in range(LOOKED_UP):
        began = time.perf_counter()
        found += len(disclosures_of(connection, chance.randrange(MEMBERS), after=None, limit=51))
        took.append((time.perf_counter() - began) * 1_000)
    took.sort()
    sys.stdout.write(f"who saw a member: {took[len(took) // 2]:.1f} ms in the median, {took[-1]:.1f} ms at most,")
    sys.stdout.write(f" of {LOOKED_UP}; {found} disclosures on their first pages\n")


if __name__ == "__main__":
    main()
