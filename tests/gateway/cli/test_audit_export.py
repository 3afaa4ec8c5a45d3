"""`gateway audit export` writes what a search finds, whole or not at all, and is on record itself."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from gateway.cli import audit_export
from partners.postgres import database
from partners.postgres.database import Database
from partners.tables.access import access_log
from serializers.search import searches
from tests.gateway.api.test_webmaster import Webmaster, webmaster
from tests.gateway.cli.commands import invoke, run, run_json


@pytest.fixture(autouse=True)
def small_chunks(environment: pytest.MonkeyPatch) -> None:
    environment.setattr(searches, "CHUNK_ROWS", 2)


@pytest.fixture
def w1(db: Database, http: FlaskClient) -> Webmaster:
    """A webmaster that has pulled its members five times."""
    caller = webmaster(db, http, "w1")
    caller.member(db, "m1")
    for _ in range(5):
        caller.get("/members")
    return caller


def records(db: Database) -> list[Any]:
    with db.write.connect() as connection:
        exports = access_log.c.operation == "audit.export"
        return list(connection.execute(select(access_log).where(exports).order_by(access_log.c.at)))


def test_entries_go_to_standard_output(db: Database, w1: Webmaster) -> None:
    *rows, end = map(json.loads, run("audit", "export", "--member", "m1").stdout.splitlines())

    assert [row["operation"] for row in rows] == ["members.list"] * 5
    assert {row["client"] for row in rows} == {w1.caller.id}
    assert end == {"end": True, "rows": 5}
    (record,) = records(db)
    assert (record.outcome, record.purpose, record.audience, record.member_count) == ("released", "security", None, 1)
    run("audit", "export", "--partner", "w1")
    assert records(db)[-1].member_count == 0


@pytest.mark.usefixtures("w1")
def test_every_search_over_http_is_an_option(tmp_path: Path) -> None:
    options = {
        "partner": "w1", "operation": "members.list", "outcome": "released", "field": "username", "ip": "127.0.0.1",
        "from": "2026-01-01T00:00:00Z", "to": "2999-01-01T00:00:00Z", "member": "m1",
    }  # fmt: skip
    given = [word for name, value in options.items() for word in (f"--{name}", value)]

    told = run_json("audit", "export", *given, "--format", "csv", "-o", str(tmp_path / "log.csv"))

    assert told == {"rows": 5, "format": "csv", "file": str(tmp_path / "log.csv")}
    with (tmp_path / "log.csv").open(newline="") as file:
        assert [row["partner"] for row in csv.DictReader(file)] == ["w1"] * 5
    assert (tmp_path / "log.csv").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]
    assert run_json("audit", "export", "--member", "nobody", "-o", str(tmp_path / "none"))["rows"] == 0


@pytest.mark.usefixtures("w1")
def test_what_an_earlier_export_left_lets_nobody_read_the_next(tmp_path: Path) -> None:
    (tmp_path / "log.part").touch(mode=0o644)

    run("audit", "export", "-o", str(tmp_path / "log"))

    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


@pytest.mark.usefixtures("w1")
def test_a_pipe_takes_an_export_and_stays_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)

    told = run_json("audit", "export", "-o", str(tmp_path / "pipe"))

    assert len(os.read(reader, 1 << 16).splitlines()) == told["rows"] + 1
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.usefixtures("w1")
def test_a_broken_export_leaves_no_file_and_is_on_record(db: Database, tmp_path: Path, database_url: str) -> None:
    owner = database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text("REVOKE SELECT ON access_subject FROM gateway_write"))
    owner.dispose()

    failed = invoke("audit", "export", "-o", str(tmp_path / "log"))

    assert failed.exit_code == 1
    assert "broke off" in failed.output
    assert "access_subject" not in failed.output
    assert list(tmp_path.iterdir()) == []
    assert [record.outcome for record in records(db)] == ["released", "error"]


def test_wrong_uses_are_told_before_anything_is_read(db: Database, tmp_path: Path) -> None:
    for arguments, said in (
        (["--outcome", "maybe"], "--outcome"),
        (["--from", "yesterday", "--ip", "here"], "--ip"),
        (["--field", "email"], "--field"),
        (["--operation", "card.gte"], "--operation: There is no operation “card.gte”. Did you mean “card.get”?"),
        (["--ref", "mbr_x"], "--ref"),
        (["--format", "xml"], "--format"),
        (["--json"], "--output"),
    ):
        result = invoke("audit", "export", *arguments)

        assert (result.exit_code, said in result.output) == (2, True), result.output
    nowhere = invoke("audit", "export", "-o", str(tmp_path / "no" / "where"))
    assert nowhere.exit_code == 1
    assert "Traceback" not in nowhere.output
    assert [record.outcome for record in records(db)] == ["released"]


def test_there_is_an_option_for_every_parameter() -> None:
    options = {option for parameter in audit_export.export.params for option in parameter.opts}

    assert {f"--{(f.data_key or n).replace('_', '-')}" for n, f in audit_export.SearchQuery().fields.items()} <= options
