"""How PostgreSQL carries out what requests ask: by index wherever a table grows, and from statements made once."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from psycopg import Cursor, RawCursor
from sqlalchemy import text
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.selectable import Select

from benchmarks.filling import MODEL, WEBMASTER, fill, usernames
from gateway.application import create_app
from gateway.demo import registration
from gateway.settings import Settings
from partners.postgres import database
from partners.vocabulary import PartnerKind, Relation
from serializers.statements import MEMBER_FILTERS
from serializers.statements.model import SPENDING_FILTERS
from serializers.statements.webmaster import PURCHASE_FILTERS
from tests.callers import access_token, add_caller, bearer, model_token
from tests.conftest import SECRET, fresh_database
from tests.factories import add_client

pytestmark = pytest.mark.slow

MEMBERS = int(os.environ.get("PLANS_MEMBERS", "5000"))
"""The fewest with which no plan reads a table whole that is not read whole with 200,000; with 2,000 some are.

With 200,000 these tests take six minutes.
"""
ACCESSES = 20_000
FEW_ROWS = 1_000
"""A table or partition with no more may be read whole: nothing is quicker."""
TODAY = datetime.now(UTC)

_ACCESSES = """
INSERT INTO access_log (
    at, id, request_id, audience, partner, client, operation, purpose, outcome, status, member_count, verdicts,
    policy_version, leaf
)
SELECT
    :now - n * interval '1 minute' / 100, gen_random_uuid(), 'req_' || n, 'webmaster', 'other-' || n % 50,
    'client-' || n % 50, 'members.list', 'campaigns', 'released', 200, 2, '[[1, 2]]', 'v', 'leaf'
FROM generate_series(1, :accesses) n
"""
_SUBJECTS = """
INSERT INTO access_subject (member, at, access, verdict)
SELECT 1 + ('x' || substr(md5(l.id::text || k), 1, 6))::bit(24)::int % :members, l.at, l.id, 1
FROM access_log l, generate_series(1, 2) k ON CONFLICT DO NOTHING
"""
_SETS = """
INSERT INTO access_subject_set (member_bucket, at, access, verdict, member_offsets)
SELECT row_number() OVER () % 300, at, id, 1, '{1,2,3}' FROM access_log
"""
_BLOCKS = _SETS.replace("access_subject_set", "access_subject_block").replace("% 300", "% 5000")
_OTHERS = """
INSERT INTO partner (id, kind, name, country, terms_accepted_at)
SELECT 'other-' || n, 'webmaster', 'Other', 'LU', now() FROM generate_series(0, 39) n
"""
_ONE_OF_THEM = "SELECT number FROM partner WHERE id = 'other-1'"
_OF_OTHERS = """
UPDATE {table} SET webmaster = (SELECT number FROM partner WHERE id = 'other-' || {member} % 40) WHERE {member} > 500
"""
_NETWORKS = """
INSERT INTO access_network (at, access, ip, salt)
SELECT at, id, '10.0.0.0'::inet + (row_number() OVER ())::int, gen_random_uuid() FROM access_log
"""


@dataclass
class Sent:
    """Statements as the driver got them, each once, with the parameters of the first time."""

    found: dict[str, tuple[type[Cursor[Any]], Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Filled:
    """A gateway full of members, and requests of every shape."""

    app: Flask
    requests: tuple[tuple[str, dict[str, str]], ...]

    def ask_all(self) -> None:
        client = self.app.test_client()
        for path, headers in self.requests:
            answer = client.get(path, headers=headers)
            assert answer.status_code == 200, (path, answer.get_data(as_text=True))


@pytest.fixture(scope="module")
def filled(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    settings = Settings("http://127.0.0.1:8000", SECRET, tmp_path_factory.mktemp("plans"), None, 0, None)
    with fresh_database(cluster, template) as url:
        app = create_app(replace(settings, limits=dict.fromkeys(settings.limits, "1000000/minute")), url)
        db = app.extensions["runtime"].database
        owner = database.owner(url)
        with owner.begin() as connection:
            registration.register(connection, TODAY.date(), url=url, issuer=settings.issuer, now=TODAY)
            fill(connection, members=MEMBERS, now=TODAY)
            for statement in map(text, (_ACCESSES, _SUBJECTS, _SETS, _BLOCKS, _NETWORKS)):
                meant = {"now": TODAY, "accesses": ACCESSES, "members": MEMBERS}
                connection.execute(statement, {name: meant[name] for name in statement.compile().params})
            # With two webmasters only, each has half of everything, and reading tables whole would be right.
            connection.execute(text(_OTHERS))
            add_client(connection, connection.execute(text(_ONE_OF_THEM)).scalar_one(), "client-1")
            for table, column in (("member", "number"), ("ledger_entry", "member"), ("registration", "member")):
                connection.execute(text(_OF_OTHERS.format(table=table, member=column)))
            connection.execute(text("ANALYZE"))
            asked = usernames(connection, most=3)
        owner.dispose()
        yield Filled(app, tuple(requests_of(app, db, asked)))
        db.dispose()


def requests_of(app: Flask, db: database.Database, asked: Any) -> Iterator[tuple[str, dict[str, str]]]:
    http = app.test_client()
    webmaster = bearer(access_token(http, add_caller(db, PartnerKind.WEBMASTER, WEBMASTER)))
    center = add_caller(db, PartnerKind.MODEL_CENTER, "center-of-plans")
    yield from of_webmasters(http, webmaster)
    yield from of_models(bearer(model_token(http, db, center, of=MODEL)), asked)
    yield from of_auditors(bearer(access_token(http, add_caller(db, PartnerKind.AUDITOR, "auditor-of-plans"))))
    platform = bearer(access_token(http, add_caller(db, PartnerKind.PLATFORM, "platform-of-plans")))
    for path in ("privacy", "disclosures", "preview?as=webmaster", f"preview?as=model:{MODEL}", "requests"):
        yield f"/v1/platform/members/m-1/{path}", platform


def of_webmasters(http: Any, headers: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    day, own = TODAY.date().isoformat(), "/v1/webmaster"
    values = {"campaign": "spring", "site": "main", "country": "LU", "registered_from": day, "registered_to": day}
    month = {"from": f"{TODAY - timedelta(days=30):%Y-%m-%d}", "to": day, "campaign": "spring"}
    ref = http.get(f"{own}/members?limit=1", headers=headers).get_json()["data"][0]["ref"]
    yield f"{own}/members/{ref}", headers
    yield f"{own}/campaigns", headers
    yield f"{own}/statements", headers
    for sort in ("registration_date", "-registration_date"):
        for query in ({}, {name: values[name] for name in MEMBER_FILTERS}, *({n: values[n]} for n in MEMBER_FILTERS)):
            yield from two_pages(http, headers, f"{own}/members?limit=2&sort={sort}", query)
    for query in ({}, {name: month[name] for name in PURCHASE_FILTERS}, *({n: month[n]} for n in PURCHASE_FILTERS)):
        yield from two_pages(http, headers, f"{own}/purchases?limit=2", query)
    watermark = http.get(f"{own}/purchases?limit=2", headers=headers).get_json()["meta"]["watermark"]
    yield f"{own}/purchases?since={watermark}", headers
    for groups in ("day", "hour,campaign", "week,site,country", "month,device_type", "sub1,day", "campaign,sub2"):
        # Sub ids are the members' own: where a month has nearly as many events as there are members, a join reads them
        # whole, and rightly.
        first = day if "sub" in groups else month["from"]
        for more in ("", "&campaign=spring&country=-LU", "&sort=-amount&limit=3"):
            yield f"{own}/stats?from={first}&to={day}&group_by={groups}{more}", headers


def of_models(headers: dict[str, str], asked: Any) -> Iterator[tuple[str, dict[str, str]]]:
    own = "/v1/model/members"
    yield f"{own}/{asked[0]}", headers
    yield f"{own}?" + "&".join(f"username={name}" for name in asked), headers
    for relation, limit in product(Relation, (1, 100)):
        yield f"{own}?relation={relation}&limit={limit}", headers
    values = {"from": "2026-01-01T00:00:00Z", "to": "2036-01-01T00:00:00Z"}
    for query in ("", *(f"?{name}={values[name]}" for name in SPENDING_FILTERS)):
        yield f"{own}/{asked[0]}/spending{query}", headers


def of_auditors(headers: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    own = "/v1/audit/accesses"
    since = f"{TODAY - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    searches = ("", "partner=other-1", "client=client-1", "member=m-1", f"from={since}", "ip=10.0.0.9")
    terms = (f"partner:{WEBMASTER}", "member:m-1", "ip:10.0.0.9", "outcome:denied", "case:SEC-1", f"at:>={since}")
    searches += tuple(f"q={quote(term)}" for term in terms)
    for query in (*searches, "outcome=released", "operation=members.list", "partner=other-1&member=m-1"):
        yield f"{own}?{query}", headers


def two_pages(
    http: Any, headers: dict[str, str], path: str, query: dict[str, str]
) -> Iterator[tuple[str, dict[str, str]]]:
    first = "&".join([path, *(f"{name}={value}" for name, value in query.items())])
    yield first, headers
    cursor = http.get(first, headers=headers).get_json()["page"]["next_cursor"]
    if cursor is not None:
        yield f"{first}&cursor={cursor}", headers


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    seen, execute = Sent(), Cursor.execute

    def noted(cursor: Cursor[Any], query: Any, params: Any = None, **options: Any) -> Any:
        statement = query.decode() if isinstance(query, bytes) else str(query)
        seen.found.setdefault(statement, (type(cursor), params))
        return execute(cursor, query, params, **options)

    monkeypatch.setattr(Cursor, "execute", noted)
    return seen


def test_no_request_reads_a_growing_table_whole(filled: Filled, sent: Sent, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.ask_all()
    monkeypatch.undo()

    engine = filled.app.extensions["runtime"].database.write
    owner = database.owner(engine.url.render_as_string(hide_password=False))
    pooled = owner.raw_connection()
    sizes = dict(pooled.driver_connection.execute("SELECT relname, reltuples FROM pg_class").fetchall())
    grown = {name for name, rows in sizes.items() if rows > FEW_ROWS}
    explained = {statement: plan(pooled.driver_connection, statement, how) for statement, how in sent.found.items()}
    pooled.close()
    owner.dispose()

    plans = {statement: found for statement, found in explained.items() if found is not None}
    assert len(plans) > 60
    log = {
        f"{name}_{TODAY:%Y_%m}"
        for name in ("access_log", "access_subject", "access_subject_block", "access_subject_set")
    }
    assert {"member", "ledger_entry", "spending", *log} <= grown
    # Counters are few, and a webmaster with half of them reads them whole for a whole month.
    grown.discard("statistic")
    read_whole = {(scanned, statement) for statement, found in plans.items() for scanned in scans(found) & grown}
    assert not read_whole


def plan(connection: Any, statement: str, how: tuple[type[Cursor[Any]], Any]) -> Any:
    """The plan of a query; releases are planned for any values, as the gateway has them planned.

    But reading a table whole is not forbidden here: forbidden, it would be hidden that an index is missing.
    """
    kind, parameters = how
    if not statement.lstrip().upper().startswith(("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")):
        return None
    if issubclass(kind, RawCursor):
        found = connection.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {statement}".encode())
    else:
        found = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}".encode(), parameters)
    return found.fetchone()[0]


def scans(found: Any) -> set[str]:
    """The tables that a plan reads whole, wherever in it."""
    if isinstance(found, list):
        return set().union(*map(scans, found))
    if not isinstance(found, dict):
        return set()
    own = {found["Relation Name"]} if found.get("Node Type") == "Seq Scan" else set()
    return own.union(*(scans(part) for part in found.values() if isinstance(part, list | dict)))


def test_nothing_is_compiled_for_a_request_like_an_earlier_one(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    filled.ask_all()
    compiled: list[str] = []
    made = SQLCompiler.__init__

    def counted(self: SQLCompiler, dialect: Any, statement: Any, *arguments: Any, **options: Any) -> None:
        compiled.append(str(type(statement)))
        made(self, dialect, statement, *arguments, **options)

    monkeypatch.setattr(SQLCompiler, "__init__", counted)

    filled.ask_all()

    assert compiled == []


def test_a_release_builds_no_statement(filled: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    releases = [(path, headers) for path, headers in filled.requests if "/members" in path and "platform" not in path]
    few = replace(filled, requests=tuple(releases))
    few.ask_all()
    built: list[int] = []
    make = Select.__init__

    def counted(self: Select[Any], *columns: Any, **more: Any) -> None:
        built.append(len(columns))
        make(self, *columns, **more)

    monkeypatch.setattr(Select, "__init__", counted)

    few.ask_all()

    assert built == []
