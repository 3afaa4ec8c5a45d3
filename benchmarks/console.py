"""How long each page of the console takes over a log of a size: `python -m benchmarks.console [ENTRIES]`."""

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from statistics import median

from flask.testing import FlaskClient
from sqlalchemy import Connection, text

from gateway.application import create_app
from gateway.preparation import prepare
from gateway.settings import Settings
from partners.access_log.cases import Case
from partners.people import accounts, sessions
from partners.postgres import database
from partners.postgres.embedded import embedded_postgres
from partners.postgres.partitions import make_partitions
from partners.registry import partners
from partners.registry.partners import Partner
from partners.vocabulary import CasePurpose, PartnerKind, Work
from serializers.policies import VERSION

ENTRIES = 100_000
PARTNERS, DAYS, MEMBERS = 50, 30, 5
ROUNDS = 9
SECRET = "a secret key for measurements only"  # noqa: S105 - opens nothing
_MEMBERS = """
INSERT INTO member (id, username, username_key, username_harmless, site, country, registered_at)
SELECT 'm-' || n, 'user_' || n, 'user_' || n, true, 'main', 'LU', now() FROM generate_series(1, 20000) n
"""
_ENTRIES = """
INSERT INTO access_log (at, id, request_id, audience, partner, client, operation, purpose, outcome, status, reason,
                        member_count, verdicts, policy_version, leaf)
SELECT CAST(:now AS timestamptz) - n * CAST(:step AS interval), gen_random_uuid(), 'req_' || md5(n::text), 'webmaster',
       'partner-' || n % :partners, 'cl_' || n % :partners, 'members.list', 'campaigns',
       CASE WHEN n % 50 = 0 THEN 'denied' ELSE 'partial' END, CASE WHEN n % 50 = 0 THEN 403 ELSE 200 END,
       CASE WHEN n % 50 = 0 THEN 'insufficient_scope' END,
       CASE WHEN n % 50 = 0 THEN 0 ELSE :members END,
       CASE WHEN n % 50 = 0 THEN '[]'::jsonb
            ELSE jsonb_build_array(jsonb_build_array(255, :members - 1), '[127, 1]'::jsonb) END,
       CASE WHEN n % 50 = 0 THEN NULL ELSE CAST(:version AS text) END, convert_to('{}', 'UTF8')
  FROM generate_series(1, :entries) n
"""
_SUBJECTS = """
INSERT INTO access_subject (member, at, access, verdict)
SELECT 1 + (hashtext(l.id::text || k) & 2147483647) % 20000, l.at, l.id, 255
  FROM access_log l, generate_series(1, :members) k WHERE l.outcome = 'partial' ON CONFLICT DO NOTHING
"""
_NETWORKS = """
INSERT INTO access_network (at, access, ip, salt)
SELECT at, id, '10.0.0.0'::inet + (row_number() OVER ())::int, gen_random_uuid() FROM access_log
"""
PAGES = (
    "/console?days=7",
    "/console?days=30",
    "/console/search",
    "/console/search?q=partner:partner-7",
    "/console/search?q=member:m-77",
    "/console/search?q=outcome:denied",
    "/console/search?q=ip:10.0.3.0/24",
    "/console/search?q=field:username+-reason:username_identifying",
    "/console/search?q=partner:partner-7+outcome:denied+at:>2026",
    "/console/members?member=m-77",
    "/console/partners",
    "/console/partners?partner=partner-7",
    "/console/policies",
)


def fill(connection: Connection, entries: int, now: datetime) -> None:
    """Make a log of this many entries over the last days, and the partners that it names."""
    for number in range(PARTNERS):
        made = Partner(
            id=f"partner-{number}", kind=PartnerKind.WEBMASTER, name=f"Partner {number}", terms_accepted_at=now
        )
        partners.add(connection, made)
    meant = {
        "now": now, "step": timedelta(days=DAYS) / entries, "partners": PARTNERS, "members": MEMBERS,
        "version": VERSION, "entries": entries,
    }  # fmt: skip
    for statement in map(text, (_MEMBERS, _ENTRIES, _SUBJECTS, _NETWORKS)):
        connection.execute(statement, {name: meant[name] for name in statement.compile().params})
    connection.execute(text("ANALYZE"))


def signed_in(db: database.Database, http: FlaskClient, now: datetime) -> None:
    """Sign somebody of the security team in, with a case."""
    with db.write.begin() as connection:
        partners.add(connection, Partner(id="auditor", kind=PartnerKind.AUDITOR, name="Auditor", terms_accepted_at=now))
        person = accounts.add(connection, "auditor", "ines", now=now).person
        token = sessions.begin(connection, person, now=now)
        sessions.take_up(connection, token, Case("SEC-1", CasePurpose.ROUTINE))
    http.set_cookie("gateway", token)


def main(entries: int) -> None:
    """Fill, look at every page, and say how long it took: the median and the slowest of some rounds."""
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as directory, embedded_postgres(Path(directory)) as url:
        owner = database.owner(url)
        prepare(owner, now=now)
        with owner.begin() as connection:
            make_partitions(connection, now=now - timedelta(days=DAYS + 1))
            fill(connection, entries, now)
        owner.dispose()
        limits = dict.fromkeys(Work, "1000000/minute")
        app = create_app(Settings("http://127.0.0.1:8000", SECRET, Path(directory), None, 0, None, limits=limits), url)
        db, http = app.extensions["runtime"].database, app.test_client()
        signed_in(db, http, now)
        sys.stdout.write(
            f"{entries:,} entries of {PARTNERS} partners in {DAYS} days; milliseconds, of {ROUNDS} rounds\n"
        )
        for page in PAGES:
            taken = sorted(once(http, page) for _ in range(ROUNDS))
            sys.stdout.write(f"{median(taken):7.0f} median {taken[-1]:7.0f} slowest  {page}\n")
        db.dispose()


def once(http: FlaskClient, page: str) -> float:
    """Milliseconds for a page."""
    began = time.perf_counter()
    answer = http.get(page)
    assert answer.status_code == HTTPStatus.OK, page  # noqa: S101 - how long an error takes means nothing
    return (time.perf_counter() - began) * 1_000


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES)
