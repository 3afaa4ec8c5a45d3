"""`gateway audit detect` and `gateway audit alerts`, as the security team at a shell runs them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from partners.access_log.checkpoints import signer_of
from partners.access_log.identifiers import REQUEST_PREFIX, new_id, public
from partners.keyring import Keyring
from tests.conftest import SECRET
from tests.gateway.cli.commands import invoke, run, run_json
from tests.gateway.cli.test_audit_verify import ORIGIN
from tests.partners.access_log.logs import Log
from tests.recycling import Recycled


@pytest.fixture
def log(own: Recycled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    """A log with a record that its sequencer has not sealed for a minute."""
    monkeypatch.setenv("GATEWAY_DATABASE_URL", own.url)
    monkeypatch.setenv("GATEWAY_SECRET_KEY", SECRET)
    monkeypatch.setenv("GATEWAY_OPERATOR", "ada")
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("partners.detections.gaps.LOOK_AGAIN_S", 0.0)
    made = Log(own.url, tmp_path / "data", signer_of(Keyring(SECRET), ORIGIN, 1), own=own)
    made.add(at=datetime.now(UTC) - timedelta(minutes=1))
    return made


def test_an_alert_from_its_raising_to_its_end(log: Log) -> None:
    (raised,) = run_json("audit", "detect")["raised"]
    tier, rule, identifier = raised.split()
    assert (tier, rule) == ("page", "gap")
    for since in ("2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z"):
        assert run_json("audit", "detect", "--since", since)["raised"] == []

    assert [each["id"] for each in run_json("audit", "alerts", "list")] == [identifier]
    assert run_json("audit", "alerts", "show", identifier)["figures"] == {"what": "seal_lag"}
    assert run_json("audit", "alerts", "acknowledge", identifier)["state"] == "acknowledged"
    closed = run_json("audit", "alerts", "close", identifier, "--note", "the disk", "--false-positive")

    assert closed["state"] == "false_positive"
    assert run_json("audit", "alerts", "show", identifier)["closed_by"] == "ada"
    assert run_json("audit", "alerts", "list") == run_json("audit", "alerts", "floors") == []
    assert run_json("audit", "alerts", "list", "--all", "--tier", "page")[0]["id"] == identifier
    operations = {row.operation for row in log.sql("SELECT operation FROM access_log WHERE operation LIKE 'audit.%'")}
    done = ("detect", "raise", "alerts", "alert", "acknowledge", "close", "floors")
    assert operations == {f"audit.{what}" for what in done}


@pytest.mark.usefixtures("log")
def test_wrong_use_is_said() -> None:
    unknown = "alr_0198c0de5a7b7c1e8f00a1b2c3d4e5f6"
    for none in ("yesterday", "2026-W44-1 00+01", "0001-01-01T00:00:00+14:00"):
        assert "no instant such as" in invoke("audit", "detect", "--since", none).output
    assert f"There is no alert {unknown}." in invoke("audit", "alerts", "show", unknown).output
    assert f"There is no alert {unknown}." in invoke("audit", "alerts", "close", unknown, "--note", "x").output
    assert f"No floor is raised by {unknown}." in invoke("audit", "alerts", "lower", unknown).output
    assert "--note" in invoke("audit", "alerts", "close", unknown).output


def test_what_is_not_there_is_on_record_as_such(log: Log) -> None:
    assert invoke("audit", "alerts", "show", "alr_nope").exit_code == 1
    assert run_json("audit", "alerts", "list") == []

    told = log.sql("SELECT operation, status, outcome, reason FROM access_log WHERE operation LIKE 'audit.alert%'")
    assert sorted(map(tuple, told)) == [
        ("audit.alert", 404, "not_found", "unknown"),
        ("audit.alerts", 200, "empty", None),
    ]


def test_what_verification_and_reconciliation_find_is_told_when_asked(log: Log, tmp_path: Path) -> None:
    log.grow(3)
    log.sql("UPDATE access_log SET status = 418 WHERE id = (SELECT access FROM sealed_leaf WHERE index = 1)")
    proxy = tmp_path / "proxy"
    proxy.write_text(f"{public(REQUEST_PREFIX, new_id(datetime.now(UTC)))} 200\n")

    assert invoke("audit", "verify").exit_code == invoke("audit", "reconcile", str(proxy)).exit_code == 1
    assert run_json("audit", "alerts", "list") == []
    for _ in range(2):
        assert invoke("audit", "verify", "--alert").exit_code == 1
    assert invoke("audit", "reconcile", str(proxy), "--alert").exit_code == 1

    found = [run_json("audit", "alerts", "show", each["id"]) for each in run_json("audit", "alerts", "list")]
    assert [each["figures"]["what"] for each in found] == ["reconcile", "verify"]
    compared = log.sql("SELECT client, outcome FROM access_log WHERE operation = 'audit.reconcile'")
    assert [tuple(row) for row in compared] == [("operator:ada", "released")] * 2
    assert [each["evidence"]["count"] for each in found] == [0, 1]
    assert "page" in run("audit", "alerts", "list").output
