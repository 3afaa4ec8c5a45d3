"""`gateway ingest` applies a file or the standard input, and says what became of every line."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from partners.postgres.database import Database
from partners.tables.member import member
from tests.conftest import NOW
from tests.feeding import lines, purchased, registered, updated
from tests.gateway.cli.commands import invoke, run, run_json


@pytest.fixture(autouse=True)
def clock(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("GATEWAY_TESTING", "1")
    environment.setenv("GATEWAY_NOW", NOW.isoformat())


def written(tmp_path: Path, body: bytes) -> str:
    path = tmp_path / "events.ndjson"
    path.write_bytes(body)
    return str(path)


def usernames(db: Database) -> list[str]:
    with db.write.connect() as connection:
        return list(connection.execute(select(member.c.username).order_by(member.c.id)).scalars())


def test_file_is_applied_and_its_bad_lines_are_told(db: Database, tmp_path: Path) -> None:
    body = lines(registered("m1"), updated("m2") | {"id": "e2"}, registered("m3")) + b"no json"

    said = run("ingest", written(tmp_path, body)).stdout.splitlines()

    assert said == [
        "accepted: 2",
        "duplicates: 0",
        "rejected: 2",
        "line 2 (e2): unknown_member: `subject` is no registered member",
        "line 4: invalid_json: the line is not JSON",
    ]
    assert usernames(db) == ["user_m1", "user_m3"]


def test_answer_for_scripts_is_that_of_http(tmp_path: Path) -> None:
    body = lines(registered(id="e1"), registered(id="e1"), purchased() | {"id": "e3", "subject": "m9"})

    assert run_json("ingest", written(tmp_path, body)) == {
        "accepted": 1,
        "duplicates": 1,
        "rejected": 1,
        "errors": [
            {"line": 3, "id": "e3", "code": "unknown_member", "detail": "`subject` is no registered member"},
        ],
    }


def test_standard_input_is_read(db: Database) -> None:
    result = invoke("ingest", "-", "--json", stdin=lines(registered("m1")).decode())

    assert (result.exit_code, json.loads(result.stdout)["accepted"]) == (0, 1)
    assert usernames(db) == ["user_m1"]


def test_long_list_of_errors_is_cut_for_people(tmp_path: Path) -> None:
    said = run("ingest", written(tmp_path, b"{}\n" * 1_200)).stdout.splitlines()

    assert said[2] == "rejected: 1200"
    assert len(said) == 3 + 20 + 1
    assert said[-1] == "… and 1180 more; --json tells the first thousand."


def test_rules_are_judged_by_the_fixed_clock(tmp_path: Path) -> None:
    body = lines(registered() | {"time": "2026-11-01T12:05:01Z"})

    assert run_json("ingest", written(tmp_path, body))["errors"][0]["code"] == "invalid_event"


def test_missing_file_is_a_wrong_use(tmp_path: Path) -> None:
    result = invoke("ingest", str(tmp_path / "nothing"))

    assert result.exit_code == 2


def test_directory_cannot_be_read(tmp_path: Path) -> None:
    assert invoke("ingest", str(tmp_path)).exit_code != 0
