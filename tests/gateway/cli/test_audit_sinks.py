"""`gateway audit sinks` and `push`: where the log goes is an operator's choice, on record, and safe by construction."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from partners.access_log.checkpoints import origin_of, signer_of
from partners.keyring import Keyring
from partners.postgres.database import Database
from tests.conftest import SECRET
from tests.gateway.cli.commands import invoke, run, run_json
from tests.gateway.log_receivers import certificate, tool
from tests.partners.access_log.logs import Log
from tests.recycling import Recycled

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def log(own: Recycled, tmp_path: Path) -> Log:
    return Log(own.url, tmp_path, signer_of(Keyring(SECRET), origin_of("http://127.0.0.1:8000"), 1), own=own)


def acts(db: Database) -> list[tuple[Any, ...]]:
    with db.write.connect() as connection:
        found = connection.execute(
            text("SELECT operation, subject FROM operator_act WHERE operation LIKE 'audit.%' ORDER BY number")
        )
        return [tuple(row) for row in found]


def test_a_sink_s_whole_life(db: Database, log: Log, tmp_path: Path) -> None:
    log.grow(4)
    certificate(tmp_path)
    with tool() as siem:
        made = run_json("audit", "sinks", "add", "siem", siem.url, "--format", "ocsf", "--after", "0")
        siem.secret = made["secret"]
        syslog = run_json(
            "audit", "sinks", "add", "far", "syslog+tls://siem.example", "--ca", str(tmp_path / "ca.pem"), "--from-now"
        )
        run("audit", "sinks", "pause", "far")

        assert run("audit", "push", "--once").stdout == "3 entries were taken.\n"
        assert siem.indexes == [1, 2, 3]

        listed = {entry["name"]: entry for entry in run_json("audit", "sinks", "list")}
        assert made["secret"].startswith("whsec_")
        assert "secret" not in syslog
        assert (listed["siem"]["after"], listed["siem"]["format"], listed["siem"]["failures"]) == (3, "ocsf", 0)
        assert (listed["far"]["after"], listed["far"]["format"], listed["far"]["paused"]) == (3, "cef", True)
        assert made["secret"] not in run("audit", "sinks", "list").output

        run("audit", "sinks", "rewind", "siem", "--after", "-1")
        rotated = run_json("audit", "sinks", "rotate-secret", "siem", "--overlap", "0")
        assert rotated["secret"].startswith("whsec_")
        siem.secret = rotated["secret"]
        assert run_json("audit", "push", "--once") == {"taken": 4}
        assert siem.bodies[-1]["data"]["first"] == 0
    run("audit", "sinks", "resume", "far")
    run("audit", "sinks", "remove", "far")
    assert [entry["name"] for entry in run_json("audit", "sinks", "list")] == ["siem"]
    assert acts(db) == [
        ("audit.sink_add", "siem"), ("audit.sink_add", "far"), ("audit.sink_pause", "far"),
        ("audit.sink_rewind", "siem"), ("audit.sink_rotate_secret", "siem"),
        ("audit.sink_resume", "far"), ("audit.sink_remove", "far"),
    ]  # fmt: skip


def test_wrong_uses_are_told_and_change_nothing(db: Database, tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("nothing")
    for arguments, said in (
        (["add", "x", "http://siem.example/"], "nly https"),
        (["add", "x", "https://user:secret@siem.example/"], "user"),
        (["add", "x", "syslog://siem.example"], "not an https URL"),
        (["add", "x", "syslog+tls://a@siem.example"], "syslog+tls://"),
        (["add", "x", "syslog+tls://siem.example/path"], "syslog+tls://"),
        (["add", "x", "syslog+tls://siem.example:99999"], "not a URL"),
        (["add", "x", "syslog+tls://siem.example", "--format", "ocsf"], "CEF"),
        (["add", "a b", "https://siem.example/"], "letters"),
        (["add", "x", "https://siem.example/", "--after", "7"], "sealed entry has"),
        (["add", "x", "https://siem.example/", "--ca", str(tmp_path / "no.pem")], "certificate"),
        (["rewind", "x", "--after", "-1"], "sink x"),
        (["pause", "x"], "sink x"),
        (["rotate-secret", "x"], "sink x"),
        (["remove", "x"], "sink x"),
    ):
        result = invoke("audit", "sinks", *arguments)

        assert result.exit_code != 0, arguments
        assert said in result.output, result.output
        assert "Traceback" not in result.output
    assert (run_json("audit", "sinks", "list"), acts(db)) == ([], [])
