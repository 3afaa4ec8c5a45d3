"""`gateway audit verify` and what goes with it, as an auditor at a shell runs them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.background.notices import DELIVER, THROTTLE, note
from partners.access_log.append import record
from partners.access_log.checkpoints import origin_of, signer_of
from partners.access_log.keys import DerivedKeys
from partners.access_log.notes import Signer
from partners.access_log.tree import TILE_WIDTH
from partners.keyring import Keyring
from partners.vocabulary import Outcome
from tests.conftest import SECRET
from tests.gateway.cli.commands import invoke, run, run_json
from tests.partners.access_log import rfc6962
from tests.partners.access_log.logs import Log, access
from tests.recycling import Recycled

ORIGIN = origin_of("http://127.0.0.1:8000")


@pytest.fixture
def log(own: Recycled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    """A sealed log of five entries, whose gateway is at hand."""
    monkeypatch.setenv("GATEWAY_DATABASE_URL", own.url)
    monkeypatch.setenv("GATEWAY_SECRET_KEY", SECRET)
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path / "data"))
    made = Log(own.url, tmp_path / "data", signer_of(Keyring(SECRET), ORIGIN, 1), own=own)
    made.grow(2, 3)
    return made


@pytest.fixture
def seen(log: Log, tmp_path: Path) -> Path:
    """A file that has seen the log's five entries."""
    run("audit", "checkpoint", "--out", str(tmp_path / "seen"))
    assert log.note() in (tmp_path / "seen").read_text()
    return tmp_path / "seen"


def cut_off(log: Log) -> None:
    log.sql("DELETE FROM access_log WHERE id IN (SELECT access FROM sealed_leaf WHERE index >= 2)")
    log.sql("DELETE FROM sealed_leaf WHERE index >= 2")
    log.sql("DELETE FROM log_checkpoint WHERE size > 2")


def verdict(*arguments: str) -> tuple[int, Any]:
    result = invoke("audit", "verify", *arguments, "--json")
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.usefixtures("log")
def test_an_intact_log_is_0_and_says_what_nobody_can_tell() -> None:
    result = run("audit", "verify")

    assert "5 entries under 2 checkpoints" in result.stdout
    assert "Not witnessed" in result.stdout
    assert result.stdout.endswith("Intact.\n")


def test_a_tampered_log_is_1_and_every_finding_is_named(log: Log) -> None:
    log.sql("UPDATE access_log SET partner = 'w2' WHERE id = (SELECT access FROM sealed_leaf WHERE index = 1)")
    log.sql("DELETE FROM access_log WHERE id = (SELECT access FROM sealed_leaf WHERE index = 3)")

    result = invoke("audit", "verify")
    status, document = verdict()

    assert (result.exit_code, status, document["verdict"]) == (1, 1, "tampered")
    assert [(each["kind"], each["index"]) for each in document["findings"]] == [
        ("columns_changed", 1),
        ("record_missing", 3),
    ]
    assert document["findings"][1]["id"] in result.stdout
    assert "w2" not in result.stdout


def test_a_log_that_cannot_be_read_is_2_and_no_word_against_it(log: Log) -> None:
    log.sql("ALTER TABLE access_network RENAME TO elsewhere")

    status, document = verdict()

    assert (status, document["findings"]) == (2, [])
    assert document["obstacles"] == ["the log cannot be read: UndefinedTable"]


def test_what_nobody_foresaw_is_an_obstacle_beside_what_was_found(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partners.access_log.replay.Replay.finish", lambda _self: {}.popitem())
    obstacle = "the verification has failed: KeyError"

    status, document = verdict()
    assert (status, document["findings"], document["obstacles"]) == (2, [], [obstacle])
    log.sql("DELETE FROM log_checkpoint WHERE number = 1")
    status, document = verdict()
    assert (status, [each["kind"] for each in document["findings"]]) == (1, ["checkpoint_missing"])
    assert document["obstacles"] == [obstacle]


def test_a_witness_outside_sees_a_log_cut_off(log: Log, seen: Path) -> None:
    (log.directory / "access-log").rename(log.directory / "lost")
    cut_off(log)

    assert verdict("--against", str(seen))[0] == 1
    assert f"{seen} saw 5 entries, and 2 are there" in invoke("audit", "verify", "--against", str(seen)).stdout
    assert verdict()[0] == 0


def test_this_machine_remembers_too(log: Log) -> None:
    cut_off(log)

    assert verdict()[0] == 1


def test_a_checkpoint_saved_over_http_is_a_witness(log: Log, tmp_path: Path) -> None:
    (tmp_path / "note").write_text(log.note().rstrip("\n"))

    assert verdict("--against", str(tmp_path / "note"))[0] == 0


def test_a_missing_or_empty_witness_is_3(log: Log, seen: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    nowhere, empty = tmp_path / "nowhere", tmp_path / "empty"
    for path, lack in ((nowhere, f"there is no file {nowhere}"), (empty, f"{empty} has no checkpoint")):
        status, document = verdict("--against", str(seen), "--against", str(path))
        assert (status, document["stale"]) == (3, [lack])
        said = invoke("audit", "verify", "--against", str(path)).stdout
        assert f"Stale: {lack}." in said
        assert "nobody can tell without a checkpoint in what --against names." in said
    log.sql("UPDATE access_log SET status = 500 WHERE id = (SELECT access FROM sealed_leaf WHERE index = 1)")
    assert verdict("--against", str(tmp_path / "nowhere"))[0] == 1


def test_a_witness_that_has_not_looked_for_long_is_3(log: Log, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.write_text(log.note())
    log.add(1, at=datetime.now(UTC) - timedelta(hours=2))
    log.seal()

    assert verdict("--against", str(seen))[0] == 0
    assert verdict("--against", str(seen), "--max-age", "1")[0] == 3


def test_what_cannot_be_verified_is_2(log: Log, seen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "garbage").write_text("not a note\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "spoiled").write_text(seen.read_text().replace(f"\n{5}\n", f"\n{4}\n"))

    assert verdict("--against", str(tmp_path / "garbage"))[0] == 2
    assert verdict("--against", str(tmp_path / "spoiled"))[0] == 2
    assert verdict("--against", str(tmp_path / "binary"))[0] == 2
    assert verdict("--trust", str(tmp_path / "binary"))[0] == 2
    assert verdict("--trust", str(tmp_path / "nowhere"))[0] == 2
    assert verdict("--trust", str(tmp_path / "garbage"))[0] == 2
    monkeypatch.setenv("GATEWAY_DATABASE_URL", "postgresql:///nothing?host=/nonexistent")
    assert verdict()[0] == 2
    assert log.verify() == []


def test_the_trust_file_decides_and_never_the_database(log: Log, tmp_path: Path) -> None:
    trust, stranger = tmp_path / "trust", Signer(ORIGIN, bytes(32))
    trust.write_text(f"# the gateway's key\n{run_json('audit', 'key')['key']}\n")
    assert verdict("--trust", str(trust))[0] == 0

    trust.write_text(f"{stranger.verifier}\n")
    status, document = verdict("--trust", str(trust))

    assert (status, {each["kind"] for each in document["findings"]}) == (1, {"checkpoint_untrusted"})
    assert log.verify() == []


def test_a_key_rotates_under_trust_files_that_the_commands_print(log: Log, tmp_path: Path) -> None:
    (tmp_path / "old").write_text(run("audit", "key").stdout)
    assert "only one key signs" in invoke("audit", "key", "retire").output

    run("audit", "key", "rotate")
    run("audit", "seal", "--once")
    (tmp_path / "both").write_text(run("audit", "key").stdout)
    assert [verdict("--trust", str(tmp_path / name))[0] for name in ("old", "both")] == [0, 0]
    said = json.loads(run("audit", "key", "retire", "--json").stdout)
    log.keys = DerivedKeys(Keyring(SECRET), ORIGIN)
    log.grow(1)

    (tmp_path / "after").write_text("\n".join(said["keys"]))
    assert said["keys"][0].endswith(" until=6")
    assert [verdict("--trust", str(tmp_path / name))[0] for name in ("old", "both", "after")] == [1, 0, 0]
    assert verdict()[0] == 0


def test_the_trust_file_has_the_key_under_each_name_that_the_log_has_had(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = run("audit", "key").stdout.splitlines()
    monkeypatch.setenv("GATEWAY_ISSUER", "https://gateway.example")
    run("audit", "seal", "--once")
    log.sql(f"INSERT INTO log_checkpoint SELECT 99, size, '{chr(27)}[2J' || note, horizon FROM log_checkpoint LIMIT 1")
    (tmp_path / "trust").write_text(run("audit", "key").stdout)
    log.sql("DELETE FROM log_checkpoint WHERE number = 99")

    names = [line.partition("+")[0] for line in (tmp_path / "trust").read_text().splitlines()]
    assert names == [first.partition("+")[0], "gateway.example/access-log"]
    assert verdict("--trust", str(tmp_path / "trust"))[0] == 0


def test_a_witness_file_grows_only_by_what_goes_on(log: Log, seen: Path) -> None:
    assert "had seen 5" in run("audit", "checkpoint", "--out", str(seen)).stdout
    run("audit", "seal", "--once")
    assert run_json("audit", "checkpoint", "--out", str(seen))["added"]
    before = seen.read_text()
    (log.directory / "access-log").rename(log.directory / "lost")
    cut_off(log)
    log.grow(30)

    refused = invoke("audit", "checkpoint", "--out", str(seen))

    assert (refused.exit_code, seen.read_text()) == (1, before)
    assert "does not go on" in refused.output
    assert log.note() in seen.with_name("seen.contradiction").read_text()


def test_sealing_refuses_over_a_log_that_was_set_back(log: Log) -> None:
    cut_off(log)

    result = invoke("audit", "seal", "--once")

    assert result.exit_code == 1
    assert "5 entries were signed before, and 2 are there" in result.output


def test_a_proof_is_a_file_that_needs_nothing_else(log: Log, tmp_path: Path) -> None:
    (row,) = log.sql("SELECT access FROM sealed_leaf WHERE index = 3")
    file, trust = tmp_path / "entry.tlog-proof", tmp_path / "trust"
    trust.write_text(f"{log.signer.verifier}\n")
    file.touch(mode=0o644)
    proved = run_json("audit", "prove", f"acc_{row.access.hex}", "--out", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    assert proved["index"] == 3

    told = run_json("audit", "check", str(file), "--trust", str(trust))

    assert (told["index"], told["size"], told["log"]) == (3, 5, ORIGIN)
    assert told["entry"]["id"] == f"acc_{row.access.hex}"
    for honest, forged in (("index 3", "index 2"), ("extra eyJ", "extra eyK"), ("\n5\n", "\n4\n"), ("v1\n", "v2\n")):
        (tmp_path / "forged").write_text(file.read_text().replace(honest, forged))
        assert invoke("audit", "check", str(tmp_path / "forged"), "--trust", str(trust)).exit_code == 1, forged
    assert invoke("audit", "prove", "acc_0", "--out", str(file)).exit_code == 1


def test_what_a_broken_tree_cannot_prove_is_said(log: Log, tmp_path: Path) -> None:
    log.sql("DELETE FROM sealed_leaf WHERE index = 1")
    (row,) = log.sql("SELECT access FROM sealed_leaf WHERE index = 3")

    refused = invoke("audit", "prove", f"acc_{row.access.hex}", "--out", str(tmp_path / "none"))

    assert refused.exit_code == 1
    assert refused.output == (
        "Error: The log was tampered with: hashes of the tree are missing; `gateway audit verify` names what.\n"
    )


def test_an_entry_that_is_not_what_was_sealed_is_not_proved(log: Log, tmp_path: Path) -> None:
    (row,) = log.sql("SELECT access FROM sealed_leaf WHERE index = 3")
    log.sql(f"UPDATE access_log SET leaf = leaf || ' '::bytea WHERE id = '{row.access}'")

    refused = invoke("audit", "prove", f"acc_{row.access.hex}", "--out", str(tmp_path / "none"))

    assert refused.exit_code == 1
    assert refused.output == (
        "Error: The log was tampered with: the entry is not what was sealed; `gateway audit verify` names what.\n"
    )
    assert not (tmp_path / "none").exists()


def test_tiles_are_those_of_the_tree_and_complete_ones_stay(log: Log, tmp_path: Path) -> None:
    log.add(2 * TILE_WIDTH, members=())
    log.seal()
    leaves = [bytes(row.leaf) for row in log.sql("SELECT leaf FROM sealed_leaf JOIN access_log ON id = access"
                                                 " ORDER BY index")]  # fmt: skip

    told = run_json("audit", "export-tiles", str(tmp_path / "tiles"), "--entries")

    tiles = tmp_path / "tiles"
    assert (told["size"], told["files"]) == (517, 8)
    assert (tiles / "checkpoint").read_text() == log.note()
    hashes = [rfc6962.leaf(leaf) for leaf in leaves]
    assert (tiles / "tile/0/001").read_bytes() == b"".join(hashes[256:512])
    assert (tiles / "tile/0/002.p/5").read_bytes() == b"".join(hashes[512:])
    assert (tiles / "tile/1/000.p/2").read_bytes() == b"".join(
        rfc6962.tree_hash(leaves[first : first + 256]) for first in (0, 256)
    )
    bundle = (tiles / "tile/entries/002.p/5").read_bytes()
    assert bundle == b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves[512:])
    assert run_json("audit", "export-tiles", str(tiles), "--entries")["files"] == 1


def test_looks_of_operators_are_on_record(log: Log, tmp_path: Path) -> None:
    run("audit", "checkpoint")
    invoke("audit", "prove", "acc_0", "--out", str(tmp_path / "none"))
    run("audit", "export-tiles", str(tmp_path / "tiles"))

    recorded = [row.operation for row in log.sql("SELECT operation FROM access_log WHERE audience IS NULL ORDER BY at")]
    assert recorded == ["audit.checkpoint", "audit.get", "audit.export"]


def test_a_proxy_s_log_tells_what_no_seal_can(log: Log, tmp_path: Path) -> None:
    ids = [row.request_id for row in log.sql("SELECT request_id FROM access_log ORDER BY at")]
    unrecorded = ids[2][:-6] + "ffffff"
    lines = [f'{each} 200 "GET /v1"\n' for each in ids if each != ids[3]]
    proxy = tmp_path / "proxy.log"
    proxy.write_text("".join([*lines, f"{unrecorded} 200\n", f"{ids[2][:-6]}eeeeee 502\n", "nothing of ours\n"]))

    result = invoke("audit", "reconcile", str(proxy), "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"requests": 6, "unrecorded": [unrecorded], "unknown_to_proxy": [ids[3]],
                                         "not_understood": 1}  # fmt: skip
    assert (
        "\nWithout a request id and, after it, a status: 1 lines.\n" in invoke("audit", "reconcile", str(proxy)).stdout
    )
    proxy.write_text("".join(f"{each} 200\n" for each in ids))
    assert run("audit", "reconcile", str(proxy)).stdout == "5 requests compared.\n"


def test_a_proxy_s_log_is_compared_over_its_own_time_and_with_records_that_requests_made_late(
    log: Log, tmp_path: Path
) -> None:
    """An export is on record again at its end, hours later; what began after the end of the proxy's log is let be."""
    now = datetime.now(UTC)
    began, later = access(now), access(now + timedelta(seconds=1))
    with log.engines.write.begin() as connection:
        for each in (replace(began, at=now + timedelta(hours=23)), later):
            record(connection, each, outcome=Outcome.RELEASED, status=200)
    proxy = tmp_path / "proxy.log"
    proxy.write_text(f"{began.request_id} 200\n")

    assert run("audit", "reconcile", str(proxy)).stdout == "1 requests compared.\n"


@pytest.mark.parametrize(
    "line", ["200 {0}", '{{"id": "{0}", "ms": 17, "bytes": 90, "status": 200}}', "{1} 200", "garbage"]
)
def test_a_proxy_s_log_of_which_nothing_can_be_read_is_2(log: Log, tmp_path: Path, line: str) -> None:
    (row, *_) = log.sql("SELECT request_id FROM access_log")
    proxy = tmp_path / "proxy.log"
    proxy.write_text(f"\n{line.format(row.request_id, row.request_id.upper())}\n")

    result = invoke("audit", "reconcile", str(proxy), "--json")

    assert (result.exit_code, list(json.loads(result.stdout))) == (2, ["error"])
    proxy.write_text("")
    assert run("audit", "reconcile", str(proxy)).stdout == "0 requests compared.\n"


def test_an_answer_under_an_id_that_the_gateway_never_gives_is_without_a_record(log: Log, tmp_path: Path) -> None:
    unknown, proxy = f"req_{0:032x}", tmp_path / "proxy.log"
    proxy.write_text(f"{unknown} 200\n")

    assert f"Answered without a record: {unknown}\n" in invoke("audit", "reconcile", str(proxy)).stdout
    assert log.verify() == []


def test_what_no_request_made_is_not_looked_for_at_the_proxy(log: Log, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with log.engines.write.begin() as connection:
        note(connection, DELIVER, partner_id="studio", audience="model_center", at=now)
        note(connection, THROTTLE, partner_id="studio", at=now, outcome=Outcome.LIMITED)
    run("audit", "checkpoint")
    past_proxies = access(ip=None)
    with log.engines.write.begin() as connection:
        record(connection, past_proxies, outcome=Outcome.RELEASED, status=200)
    log.add(1)
    rows = log.sql("SELECT request_id FROM access_log WHERE client = 'c1' ORDER BY at")
    proxy = tmp_path / "proxy.log"
    proxy.write_text("".join(f"{row.request_id} 200\n" for row in rows if row.request_id != past_proxies.request_id))

    result = invoke("audit", "reconcile", str(proxy), "--json")

    assert json.loads(result.stdout)["unknown_to_proxy"] == [past_proxies.request_id]
