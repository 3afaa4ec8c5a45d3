"""`gateway retention run` deletes what has lapsed and says what it deleted and skipped."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, func, make_url, select, text

from gateway.cli import main
from partners.access_log.checkpoints import origin_of, signer_of
from partners.access_log.disclosures import Outside, enter
from partners.access_log.identifiers import new_id
from partners.access_log.merkle import leaf_hash
from partners.access_log.pruning import MONTHS_KEPT
from partners.keyring import Keyring
from partners.months import beginning_of, month_of, next_month
from partners.postgres.database import Database
from partners.postgres.partitions import make_partitions
from partners.rights.erasure import carry_out
from partners.rights.journal import KEPT, SUFFIX
from partners.tables.access import access_log, access_network, outside_disclosure
from partners.tables.activity import action, ledger_entry, spending
from partners.tables.member import erased_member
from partners.vocabulary import RecipientKind
from tests.conftest import NOW, SECRET
from tests.factories import add_action, add_device, add_member, add_model, add_purchase, add_spending
from tests.partners.access_log.logs import Log

LAPSED = NOW + timedelta(days=120, seconds=1)


@pytest.fixture
def lapsed(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("GATEWAY_TESTING", "1")
    environment.setenv("GATEWAY_NOW", LAPSED.isoformat())


def run(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    with pytest.raises(SystemExit) as left:
        main(["retention", "run", *options])
    assert left.value.code == 0
    return capsys.readouterr().out


@pytest.mark.usefixtures("lapsed")
def test_a_run_deletes_what_has_lapsed_and_reports_what_it_skipped(
    db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    with db.write.begin() as connection:
        model = add_model(connection)
        for member_id, restricted in (("m1", False), ("m2", True)):
            number = add_member(connection, member_id, registered_at=NOW, restricted=restricted)
            add_action(connection, model, number, at=NOW)

    said = json.loads(run(capsys, "--json"))

    assert (said["actions"], said["devices"], said["skipped_restricted_members"]) == (1, 0, 1)
    with db.write.connect() as connection:
        assert connection.execute(select(func.count()).select_from(action)).scalar_one() == 1
    assert "actions: 0" in run(capsys)


@pytest.mark.usefixtures("lapsed")
def test_what_is_kept_of_the_erased_goes_after_ten_years(
    db: Database, keyring: Keyring, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """R38."""
    earlier = NOW - timedelta(days=30)
    with db.write.begin() as connection:
        model = add_model(connection)
        for name in ("gone", "here"):
            number = add_member(connection, name, registered_at=earlier)
            add_purchase(connection, number, f"of_{name}", at=earlier)
            add_spending(connection, model, number, at=earlier)
            if name == "gone":
                carry_out(connection, number, keyring, NOW)

    def kept_after(instant: datetime) -> tuple[list[str], int, int]:
        monkeypatch.setenv("GATEWAY_NOW", instant.isoformat())
        run(capsys)
        with db.write.connect() as connection:
            bought = connection.execute(select(ledger_entry.c.purchase_id).order_by(ledger_entry.c.purchase_id))
            lines, ids = (select(func.count()).select_from(table) for table in (spending, erased_member))
            return list(bought.scalars()), connection.scalar(lines) or 0, connection.scalar(ids) or 0

    assert kept_after(earlier.replace(year=2036)) == (["of_gone", "of_here"], 2, 1)
    assert kept_after(earlier.replace(year=2036) + timedelta(microseconds=1)) == (["of_here"], 1, 1)
    assert kept_after(NOW.replace(year=2036) + timedelta(microseconds=1)) == (["of_here"], 1, 0)


@pytest.mark.usefixtures("lapsed")
def test_whoever_was_inactive_for_more_than_a_year_is_named_and_nobody_erased(
    db: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_NOW", (NOW + timedelta(days=365)).isoformat())
    less = NOW.replace(hour=0)
    longer = less - timedelta(microseconds=1)
    with db.write.begin() as connection:
        model = add_model(connection)
        acting, spending = (add_member(connection, name, registered_at=longer) for name in ("acting", "spending"))
        add_action(connection, model, acting, at=less)
        add_spending(connection, model, spending, at=less)
        add_purchase(connection, add_member(connection, "buying", registered_at=longer), "p1", at=less)
        add_device(connection, add_member(connection, "using", registered_at=longer), less)
        add_member(connection, "new", registered_at=less)
        add_member(connection, "restricted", registered_at=longer, restricted=True)
        for name, at in (("gone", longer), ("long_gone", longer - timedelta(days=1))):
            add_action(connection, model, add_member(connection, name, registered_at=at), at=at)

    told = json.loads(run(capsys, "--json"))
    assert (told["inactive_members"], told["actions"], told["devices"]) == (2, 3, 1)
    with pytest.raises(SystemExit):
        main(["retention", "candidates", "--json"])

    assert json.loads(capsys.readouterr().out) == [
        {"member": "long_gone", "last_active_on": "2026-10-30"},
        {"member": "gone", "last_active_on": "2026-10-31"},
    ]
    with db.write.connect() as connection:
        looks = select(access_log.c.operation).where(access_log.c.operation == "retention.candidates")
        assert connection.execute(looks).scalars().all() == ["retention.candidates"]


@pytest.mark.usefixtures("lapsed")
def test_a_run_makes_the_logs_coming_partitions_and_forgets_old_network_data(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    owner = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    month = f"access_log_{_in_three_months():%Y_%m}"
    long_ago = datetime.now(UTC) - timedelta(days=121)
    with owner.begin() as connection:
        connection.execute(text(f"DROP TABLE {month}"))
        connection.execute(
            text(
                "CREATE TABLE access_network_old PARTITION OF access_network "
                f"FOR VALUES FROM ('{long_ago.date()} 00:00:00+00') TO ('{long_ago.date()} 24:00:00+00')"
            )
        )
        connection.execute(access_network.insert().values(at=long_ago, access=uuid4(), ip="192.0.2.1", salt=uuid4()))

    said = json.loads(run(capsys, "--json"))

    with owner.connect() as connection:
        assert connection.execute(select(func.to_regclass(month))).scalar_one() == month
        assert connection.execute(select(func.count()).select_from(access_network)).scalar_one() == 0
    assert said["networks"] == 1
    owner.dispose()


@pytest.mark.usefixtures("lapsed")
def test_a_run_forgets_outside_disclosures_and_the_journals_old_entries_by_the_real_clock(
    db: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """R27, R41."""
    now = datetime.now(UTC)
    old, new = (new_id(now - age) for age in (KEPT + timedelta(hours=1), timedelta(hours=1)))
    gone, kept = (beginning_of(next_month(month_of(now), -MONTHS_KEPT - back)) for back in (1, 0))
    (tmp_path / "journal").mkdir()
    for entry in (old, new):
        (tmp_path / "journal" / f"{entry.hex}{SUFFIX}").touch()
    with db.write.begin() as connection:
        number = add_member(connection, registered_at=NOW)
        for at in (gone, kept):
            outside = Outside(at, number, RecipientKind.AUTHORITY, "A court", "operation", ("username",))
            enter(connection, outside, now=NOW)

    said = json.loads(run(capsys, "--json"))

    assert (said["journal_entries"], said["outside_disclosures"]) == (1, 1)
    assert [path.stem for path in (tmp_path / "journal").iterdir()] == [new.hex]
    with db.write.connect() as connection:
        assert connection.execute(select(outside_disclosure.c.at)).scalars().all() == [kept]


@pytest.mark.usefixtures("lapsed")
def test_a_run_lets_go_of_an_outlived_month_and_the_log_stays_intact(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path / "data"))
    log = Log(database_url, tmp_path / "data", signer_of(Keyring(SECRET), origin_of("http://127.0.0.1:8000"), 1))
    end = beginning_of(next_month(month_of(datetime.now(UTC)), -MONTHS_KEPT))
    with log.superuser.connect() as connection:
        make_partitions(connection, now=end - timedelta(days=40))
    for at in (end - timedelta(days=35), end - timedelta(days=1), end + timedelta(hours=1)):
        log.add(2, at=at)
        log.seal()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / f"access-log-{end - timedelta(days=1):%Y-%m}.ndjson.part").touch(mode=0o644)

    said = json.loads(run(capsys, "--json", "--export", str(tmp_path / "old")))

    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "old").iterdir()} == {0o600}
    assert said["pruned"] == [f"{end - timedelta(days=35):%Y-%m}", f"{end - timedelta(days=1):%Y-%m}"]
    assert said["pruned_entries"] == 4
    lines = [json.loads(line) for file in said["exported"] for line in Path(file).read_text().splitlines()]
    hashes = {row.index: bytes(row.hash) for row in log.sql("SELECT index, hash FROM sealed_leaf")}
    assert {line["index"] for line in lines} == {0, 1, 2, 3}
    assert all(leaf_hash(line["leaf"].encode()) == hashes[line["index"]] for line in lines)
    assert verified(capsys) == 0
    assert_proved_without_its_record(log, lines[0], tmp_path)
    capsys.readouterr()
    assert json.loads(run(capsys, "--json"))["pruned"] == []
    log.sql(f"DROP TABLE access_log_{end:%Y_%m}")
    log.close()
    assert verified(capsys) == 1


@pytest.mark.usefixtures("lapsed")
def test_a_month_that_was_detached_by_hand_is_not_dropped(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path / "data"))
    log = Log(database_url, tmp_path / "data", signer_of(Keyring(SECRET), origin_of("http://127.0.0.1:8000"), 1))
    old = beginning_of(next_month(month_of(datetime.now(UTC)), -MONTHS_KEPT - 1))
    with log.superuser.connect() as connection:
        make_partitions(connection, now=old)
    log.add(2, at=old)
    log.seal()
    log.sql(f"ALTER TABLE access_log DETACH PARTITION access_log_{old:%Y_%m}")

    with pytest.raises(SystemExit) as left:
        main(["retention", "run"])

    assert left.value.code != 0
    assert "detached by hand" in capsys.readouterr().err
    assert log.sql(f"SELECT count(*) FROM access_log_{old:%Y_%m}")[0].count == 2
    log.close()


def assert_proved_without_its_record(log: Log, line: dict[str, Any], directory: Path) -> None:
    """What was exported can be held against the tree, and the tree can still be exported."""
    (directory / "entry").write_text(line["leaf"])
    (directory / "trust").write_text(str(log.signer.verifier))
    proof, trust = str(directory / "proof"), ["--trust", str(directory / "trust")]
    entry = ["--entry", str(directory / "entry")]
    for arguments, status in (
        (["audit", "prove", json.loads(line["leaf"])["id"], "--out", proof], 0),
        (["audit", "check", proof, *trust, *entry], 0),
        (["audit", "check", proof, *trust], 1),
        (["audit", "export-tiles", str(directory / "tiles"), "--entries"], 0),
    ):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == status


def verified(capsys: pytest.CaptureFixture[str]) -> object:
    with pytest.raises(SystemExit) as left:
        main(["audit", "verify"])
    capsys.readouterr()
    return left.value.code


def _in_three_months() -> datetime:
    first = datetime.now(UTC).replace(day=1)
    for _ in range(3):
        first = (first + timedelta(days=31)).replace(day=1)
    return first
