"""The one doorway: nothing goes round it, one round trip for any page, and never a row before its record is durable."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from psycopg import Cursor
from sqlalchemy import text

from partners.postgres.database import Database
from partners.postgres.deadline import SIGN_OF_LIFE
from partners.vocabulary import PartnerKind
from tests.callers import add_caller, bearer, model_token
from tests.factories import add_member, add_relation
from tests.gateway.api.test_webmaster import webmaster

HOUSE = Path(__file__).parents[2]
FLOORS = ("gateway", "serializers", "partners")
HANDS_OUT_ROWS_EARLY = {"stream", "stream_results", "yield_per", "server_side_cursors"}


def modules(*floors: str) -> Iterator[tuple[str, ast.Module]]:
    for floor in floors:
        for path in sorted((HOUSE / floor).rglob("*.py")):
            yield str(path.relative_to(HOUSE)), ast.parse(path.read_text())


def test_the_releasing_engines_are_used_by_the_doorway_alone() -> None:
    users = {
        name
        for name, module in modules(*FLOORS)
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute)
        and node.attr in {"release", "sums"}
        and ast.unparse(node.value).endswith("database")
    }

    assert users == {"gateway/disclosure.py"}


def test_released_rows_are_never_handed_out_before_the_commit() -> None:
    """A streamed or copied result arrives row by row while its statement, and so its record, can still fail."""
    found = {
        name
        for name, module in modules("gateway", "serializers")
        for node in ast.walk(module)
        if (isinstance(node, ast.Attribute) and node.attr in HANDS_OUT_ROWS_EARLY and not is_of_http(node))
        or (isinstance(node, ast.keyword) and node.arg in HANDS_OUT_ROWS_EARLY)
    }

    assert found == set()


def is_of_http(node: ast.Attribute) -> bool:
    """A body that is read, here or of a receiver of what is posted."""
    return ast.unparse(node) in {"request.stream", "client.stream"}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is sent to the database from now on, as the driver sees it."""
    statements: list[str] = []
    execute = Cursor.execute

    def counted(cursor: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        statements.append(query.decode() if isinstance(query, bytes) else str(query))
        return execute(cursor, query, *arguments, **options)

    monkeypatch.setattr(Cursor, "execute", counted)
    return statements


@pytest.mark.parametrize("members", [1, 10, 100])
def test_a_page_is_one_statement_however_long(db: Database, http: FlaskClient, sent: list[str], members: int) -> None:
    w1 = webmaster(db, http, "w1")
    with db.write.begin() as connection:
        for place in range(members):
            add_member(connection, f"m{place}", webmaster=w1.number)
    w1.get("/members", limit=100)
    sent.clear()

    rows = w1.rows(limit=100)

    assert len(rows) == members
    assert len(sent) == 1
    assert "INSERT INTO access_log" in sent[0]


def test_a_card_is_one_statement(db: Database, http: FlaskClient, sent: list[str]) -> None:
    headers = bearer(model_token(http, db, add_caller(db, PartnerKind.MODEL_CENTER)))
    with db.write.begin() as connection:
        add_relation(connection, 1, add_member(connection, "m1", username="owl"))
    http.get("/v1/model/members/owl", headers=headers)
    sent.clear()

    answer = http.get("/v1/model/members/owl", headers=headers)

    assert answer.status_code == 200
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/stats", {"group_by": "day,campaign,country"}),
        ("/stats", {"group_by": "sub1"}),
        ("/statements", {}),
        ("/campaigns", {}),
    ],
)
@pytest.mark.parametrize("status", ["active", "suspended"])
def test_sums_and_a_refusal_of_them_are_one_statement(
    db: Database, http: FlaskClient, sent: list[str], *, path: str, query: dict[str, str], status: str
) -> None:
    w1 = webmaster(db, http, "w1")
    asked = {"from": "2026-10-01", "to": "2026-10-31"} | query if path == "/stats" else query
    w1.get(path, **asked)
    with db.write.begin() as connection:
        connection.execute(text("UPDATE partner SET status = :status"), {"status": status})
    sent.clear()

    answer = w1.get(path, **asked)

    assert answer.status_code == (200 if status == "active" else 401)
    # A sign of life tells nothing and asks for nothing of anybody.
    told = [statement for statement in sent if statement != SIGN_OF_LIFE]
    assert len(told) == 1
    assert "INSERT INTO access_log" in told[0]


@pytest.mark.parametrize("table", ["access_log", "access_network", "access_subject"])
def test_no_record_no_data(db: Database, http: FlaskClient, database_url: str, table: str) -> None:
    """Whatever part of the record cannot be written, nothing is released, and nothing is half written."""
    w1 = webmaster(db, http, "w1")
    w1.member(db, "m1", username="canary_name")
    w1.get("/members")
    from partners.postgres import database  # noqa: PLC0415

    owner = database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text(f"REVOKE INSERT ON {table} FROM gateway_release"))
        before = connection.scalar(text("SELECT count(*) FROM access_log"))

    answer = w1.get("/members")

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert b"canary" not in answer.data
    assert "ETag" not in answer.headers
    with owner.begin() as connection:
        assert connection.scalar(text("SELECT count(*) FROM access_log")) == before
        connection.execute(text(f"GRANT INSERT ON {table} TO gateway_release"))
    owner.dispose()
    assert w1.get("/members").status_code == 200
