"""`gateway audit verify --spool`: what was done to records before they were sealed, and to the spool itself."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from partners.access_log.checkpoints import origin_of, signer_of
from partners.access_log.noting import committed, noting
from partners.access_log.pruning import MONTHS_KEPT
from partners.keyring import Keyring
from partners.months import beginning_of, month_of, next_month
from partners.postgres.partitions import make_partitions
from partners.spool.comparing import LONGEST_LIST
from partners.spool.framing import key_of
from partners.spool.spool import Spool
from tests.conftest import SECRET
from tests.gateway.cli.commands import invoke, run, run_json
from tests.partners.access_log.logs import Log
from tests.recycling import Recycled

ORIGIN = origin_of("http://127.0.0.1:8000")
THIRD = "(SELECT id FROM access_log ORDER BY at, id OFFSET 2 LIMIT 1)"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "spool"
    made.mkdir()
    return made


@pytest.fixture
def log(own: Recycled, tmp_path: Path, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    """A log whose gateway is at hand; nothing is in it."""
    monkeypatch.setenv("GATEWAY_DATABASE_URL", own.url)
    monkeypatch.setenv("GATEWAY_SECRET_KEY", SECRET)
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("GATEWAY_SPOOL_DIR", str(directory))
    return Log(own.url, tmp_path / "data", signer_of(Keyring(SECRET), ORIGIN, 1), own=own)


def spooled(log: Log, directory: Path, count: int = 5, **facts: Any) -> None:
    """Append records that are in the spool too, and seal nothing."""
    with noting() as noted:
        log.add(count, **facts)
    spool = Spool(directory, key_of(Keyring(SECRET)), lambda _: None)
    spool.keep(committed(log.engines.write, noted), within_s=5.0)


def verdict(*spools: Path) -> tuple[int, Any]:
    options = [word for spool in spools for word in ("--spool", str(spool))]
    result = invoke("audit", "verify", *options, "--json")
    return result.exit_code, json.loads(result.stdout)


def found(document: Any) -> list[tuple[str, int | None]]:
    return [(finding["kind"], finding["index"]) for finding in document["findings"]]


def test_what_both_have_is_intact(log: Log, directory: Path) -> None:
    spooled(log, directory)
    log.seal()
    spooled(log, directory, 2)

    status, document = verdict(directory)

    assert (status, document["verdict"], document["entries"], document["waiting"]) == (0, "intact", 5, 2)
    assert {name: document["spool"][name] for name in ("files", "records", "torn", "lacking")} == {
        "files": 2, "records": 7, "torn": [], "lacking": 0,
    }  # fmt: skip
    assert "7 records in 2 files of the spool" in run("audit", "verify", "--spool", str(directory)).stdout
    assert verdict()[1]["spool"] is None


def edit(log: Log) -> None:
    """Another partner, in column and bytes alike."""
    log.sql(
        "UPDATE access_log SET partner = 'w2', leaf = convert_to(replace(convert_from(leaf, 'UTF8'),"
        f' \'"partner": "w1"\', \'"partner": "w2"\'), \'UTF8\') WHERE id = {THIRD}'
    )


def remove(log: Log) -> None:
    for table in ("access_subject", "access_network"):
        log.sql(f"DELETE FROM {table} WHERE access = {THIRD}")
    log.sql(f"DELETE FROM access_log WHERE id = {THIRD}")


@pytest.mark.parametrize(("tamper", "expected"), [(edit, ("record_changed", 2)), (remove, ("record_missing", None))])
def test_what_was_done_before_the_seal_is_named(
    log: Log, directory: Path, tamper: Callable[[Log], None], expected: tuple[str, int | None]
) -> None:
    spooled(log, directory)
    ((access,),) = log.sql(THIRD.strip("()"))
    tamper(log)
    log.seal()

    assert verdict()[0] == 0
    status, document = verdict(directory)

    assert status == 1
    assert found(document) == [expected]
    assert document["findings"][0]["id"] == f"acc_{access.hex}"
    assert f"acc_{access.hex}" in invoke("audit", "verify", "--spool", str(directory)).stdout


def test_what_a_seal_tells_already_is_said_once(log: Log, directory: Path) -> None:
    spooled(log, directory)
    log.seal()
    remove(log)

    assert found(verdict(directory)[1]) == [("record_missing", 2)]


def test_what_was_added_before_the_seal_is_listed(log: Log, directory: Path) -> None:
    spooled(log, directory, 2)
    log.add()
    log.add(ip=None, audience=None, partner=None, client="operator:anna", operation="audit.export")
    log.add(ip=None, audience="model_center", partner="studio", client=None, operation="webhooks.deliver")
    spooled(log, directory, 2)
    log.seal()

    status, document = verdict(directory)

    ((forged,),) = log.sql("SELECT id FROM access_log ORDER BY transaction OFFSET 2 LIMIT 1")
    assert (status, document["spool"]["lacking"]) == (0, 1)
    assert document["spool"]["first_lacking"] == [f"acc_{forged.hex}"]
    assert f"1 records of requests are in the database alone, the first of them acc_{forged.hex}" in (
        run("audit", "verify", "--spool", str(directory)).stdout
    )


def test_of_many_that_were_added_the_first_are_listed_and_all_counted(log: Log, directory: Path) -> None:
    spooled(log, directory)
    log.add(LONGEST_LIST + 1)
    spooled(log, directory)

    status, document = verdict(directory)

    assert (status, document["spool"]["lacking"]) == (0, LONGEST_LIST + 1)
    assert len(document["spool"]["first_lacking"]) == LONGEST_LIST


def test_records_of_several_days_are_looked_for_over_all_of_them(
    log: Log, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    days = [now - timedelta(days=past) for past in (6, 5, 2, 1)]
    with log.superuser.connect() as connection:
        make_partitions(connection, now=now - timedelta(days=6))
    for day in days:
        monkeypatch.setattr("partners.spool.file.name_of_file", _named(day))
        spooled(log, directory, 1, at=day - timedelta(hours=2))
        spooled(log, directory, 1, at=day)
        log.add(at=day - timedelta(minutes=1))

    _, document = verdict(directory)

    assert (document["spool"]["records"], document["spool"]["lacking"]) == (8, 4)


def _named(day: datetime) -> Callable[[datetime, int], str]:
    from partners.spool.framing import name_of_file  # noqa: PLC0415 - before it is replaced

    return lambda _, process: name_of_file(day, process)


def test_an_edited_spool_is_named_too(log: Log, directory: Path) -> None:
    spooled(log, directory)
    log.seal()
    (path,) = directory.iterdir()
    path.write_bytes(path.read_bytes().replace(b'"w1"', b'"w2"', 1))

    status, document = verdict(directory)

    assert (status, found(document)) == (1, [("spool_changed", None)])
    assert path.name in document["findings"][0]["text"]


def test_a_last_line_that_broke_off_is_told_and_no_finding(log: Log, directory: Path) -> None:
    spooled(log, directory)
    log.seal()
    (path,) = directory.iterdir()
    path.write_bytes(path.read_bytes()[:-10])

    status, document = verdict(directory)

    assert (status, document["spool"]["torn"], document["spool"]["records"]) == (0, [path.name], 4)


@pytest.mark.usefixtures("log")
def test_a_spool_that_is_not_there_is_2_and_an_empty_one_3(directory: Path, tmp_path: Path) -> None:
    status, document = verdict(tmp_path / "nowhere")
    assert (status, document["obstacles"]) == (2, [f"{tmp_path / 'nowhere'} is no directory"])

    status, document = verdict(directory)
    assert (status, document["stale"]) == (3, ["the spool has no file"])


@pytest.fixture
def old(log: Log, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    """Three records of a month that may be let go, and two of today; nothing is sealed."""
    end = beginning_of(next_month(month_of(datetime.now(UTC)), -MONTHS_KEPT))
    with log.superuser.connect() as connection:
        make_partitions(connection, now=end - timedelta(days=5))
    monkeypatch.setattr("partners.spool.file.name_of_file", _named(end - timedelta(days=2)))
    spooled(log, directory, 3, at=end - timedelta(days=2))
    monkeypatch.undo()
    spooled(log, directory, 2)
    monkeypatch.setenv("GATEWAY_DATABASE_URL", log.url)
    monkeypatch.setenv("GATEWAY_SECRET_KEY", SECRET)
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(log.directory))
    return log


def test_what_was_changed_before_its_seal_is_named_although_it_was_let_go(old: Log, directory: Path) -> None:
    edit(old)
    old.seal()
    assert run_json("retention", "run")["pruned_entries"] == 3

    assert [kind for kind, _ in found(verdict(directory)[1])] == ["record_changed"]


def test_months_that_were_let_go_are_accepted_and_their_files_go(
    old: Log, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old.seal()
    assert verdict(directory)[0] == 0

    pruned = run_json("retention", "run")
    assert (pruned["pruned_entries"], pruned["spool_files"]) == (3, 0)
    status, document = verdict(directory)
    assert (status, document["spool"]["records"], document["spool"]["pruned"]) == (0, 5, 3)

    monkeypatch.setenv("GATEWAY_SPOOL_DIR", str(directory))
    assert run_json("retention", "run")["spool_files"] == 1
    status, document = verdict(directory)
    assert (status, document["spool"]["records"], document["spool"]["files"]) == (0, 2, 1)
