"""After a restore every erasure, restriction and choice since the backup holds again, before data is served (R41)."""

import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from flask import Flask
from sqlalchemy import create_engine, delete, insert, make_url, select, text, update
from structlog.testing import capture_logs

from gateway import recovery
from gateway.application import create_app
from gateway.preparation import prepare
from gateway.settings import Settings
from partners.access_log.identifiers import new_id
from partners.keyring import Keyring
from partners.postgres import database
from partners.postgres.database import Database
from partners.postgres.embedded import binary
from partners.rights import journal
from partners.rights.journal import Journal, JournalError
from partners.tables.access import access_log, access_subject
from partners.tables.activity import ledger_entry
from partners.tables.member import erased_member, former_username, held_setting, member, member_stamp, profile
from partners.tables.outbox import concern
from partners.tables.rights import journal_entry, rights_request
from partners.vocabulary import PartnerKind
from tests.callers import access_token, add_caller, bearer
from tests.conftest import NOW, SECRET
from tests.factories import add_member, add_partner
from tests.feeding import event, purchased, registered

OPS = Path(__file__).parents[2] / "ops"
LATER = NOW + timedelta(minutes=1)


def run(script: str, *arguments: str) -> None:
    path = f"{binary('psql').parent}{os.pathsep}{os.environ['PATH']}"
    command = [str(OPS / script), *arguments]
    done = subprocess.run(command, check=False, capture_output=True, env=os.environ | {"PATH": path})
    assert done.returncode == 0, done.stderr


class House:
    """A gateway over HTTP, and what the platform asks of it."""

    def __init__(self, app: Flask, db: Database) -> None:
        self.http, self.db = app.test_client(), db
        self.headers = bearer(access_token(self.http, add_caller(db, PartnerKind.PLATFORM)))

    def ask(self, member_id: str, kind: str, *steps: str) -> None:
        path = f"/v1/platform/members/{member_id}/requests"
        made = self.http.post(path, json={"type": kind, "verified": True, "reason": "canary"}, headers=self.headers)
        for step in steps:
            body = {"action": step, "reason": "canary"}
            moved = self.http.post(f"{path}/{made.get_json()['id']}", json=body, headers=self.headers)
            assert moved.status_code == 200, moved.get_json()

    def patch(self, member_id: str, **settings: Any) -> int:
        path = f"/v1/platform/members/{member_id}/privacy"
        return self.http.patch(path, json=settings, headers=self.headers).status_code

    def feed(self, *events: dict[str, Any]) -> dict[str, Any]:
        kind = "application/cloudevents-batch+json"
        answer = self.http.post("/v1/platform/events", json=list(events), headers=self.headers, content_type=kind)
        report: dict[str, Any] = answer.get_json()
        return report


@pytest.fixture
def house(app: Flask, db: Database) -> House:
    return House(app, db)


@pytest.fixture
def restored_url(cluster: str) -> Iterator[str]:
    """An empty database for what is restored."""
    admin = create_engine(make_url(cluster).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE restored_rights"))
    yield make_url(cluster).set(database="restored_rights").render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE restored_rights WITH (FORCE)"))
    admin.dispose()


def states(db: Database) -> dict[str, Any]:
    columns = member.c["id", "restricted", "objecting", "erased", "affiliate_sharing", "service_consent"]
    with db.write.connect() as connection:
        rows = connection.execute(select(*columns, profile.c.age_visibility).join_from(member, profile))
        return {row.id: tuple(row[1:]) for row in rows}


def numbers_of(db: Database) -> set[int]:
    with db.write.connect() as connection:
        return set(connection.execute(select(member.c.number)).scalars())


@pytest.mark.slow
def test_what_members_decided_since_the_backup_holds_again_before_anything_is_served(
    house: House, db: Database, settings: Settings, *, database_url: str, restored_url: str, tmp_path: Path
) -> None:
    names = ("gone", "going", "quiet", "freed", "against", "chose", "fed", "left", "kept")
    with db.write.begin() as connection:
        webmaster = add_partner(connection, "w9")
        for name in names:
            add_member(connection, name, webmaster=webmaster)
    house.ask("freed", "restriction", "notify")
    run("backup.sh", database_url, str(tmp_path / "backup"))
    house.feed(registered("new", LATER, username="name_of_the_new"), registered("newer", LATER))
    house.ask("newer", "restriction")
    house.ask("gone", "erasure", "settle")
    house.ask("going", "erasure")
    house.ask("quiet", "restriction")
    house.ask("freed", "lift_restriction")
    house.ask("against", "objection")
    house.ask("new", "erasure", "settle")
    assert house.patch("chose", affiliate_sharing=False, profile_item_visibility={"age": "private"}) == 200
    house.patch("chose", service_consent=False)
    house.patch("chose", service_consent=True)
    house.feed(
        event("member.privacy_changed", "fed", LATER, service_consent=False),
        event("member.signal_received", "left", LATER, signal="gpc"),
        event("member.privacy_changed", "to-come", LATER, affiliate_sharing=False),
        event("member.updated", "kept", LATER, username="name_of_the_kept"),
    )
    house.ask("kept", "erasure", "refuse")
    before, numbers = states(db), numbers_of(db)
    run("restore.sh", restored_url, str(tmp_path / "backup"))
    owner = database.owner(restored_url)
    prepare(owner, now=datetime.now(UTC))
    owner.dispose()
    restored = database.connect(restored_url)
    assert states(restored) != before

    recovery.before_serving(settings, restored_url)

    restricted = before.pop("newer")
    assert states(restored) == before
    again = House(create_app(settings, restored_url), restored)
    report = again.feed(
        registered("new", LATER),
        registered("to-come", LATER),
        registered("newer", LATER),
        registered("heir", LATER, username="name_of_the_new"),
        registered("thief", LATER, username="name_of_the_kept"),
        event("member.updated", "kept", LATER, username="name_of_the_kept"),
    )
    assert "accepted" in report, report
    assert (report["accepted"], [fault["code"] for fault in report["errors"]]) == (
        3,
        ["erased_member", "username_retired", "username_retired"],
    )
    assert min(numbers_of(restored) - numbers) > max(numbers), "a number leads to whom it led before, or to nobody"
    assert states(restored)["to-come"][3] is False
    assert states(restored)["newer"] == restricted
    with restored.write.connect() as connection:
        kept = connection.execute(select(rights_request.c.type).order_by(rights_request.c.number)).scalars().all()
        records = select(access_log.c.client).where(access_log.c.operation == recovery.OPERATION)
        recorded = connection.execute(records).scalars().all()
        reasons = connection.execute(
            select(access_log.c.reason).where(access_log.c.operation == recovery.OPERATION)
        ).scalars()
        told = connection.execute(
            select(member.c.id, concern.c.topic).join(concern, concern.c.member == member.c.number)
        )
        assert {"opted_out", "consent_withdrawn", "restricted", "objection", "erased"} <= set(reasons)
        assert {(who, "member.withdrawn") for who in ("chose", "fed", "left")} <= {tuple(row) for row in told}
    assert sorted(kept) == sorted(["restriction"] * 3 + ["erasure"] * 4 + ["lift_restriction", "objection"])
    assert recorded
    assert all(client.startswith("operator:") for client in recorded)
    assert recovery.replay(restored, Journal(settings.journal_dir, Keyring(SECRET)), now=NOW).entries == 0
    again.http.application.extensions["runtime"].database.dispose()
    restored.dispose()


def test_the_journal_names_nobody_and_only_this_key_opens_it(house: House, db: Database, settings: Settings) -> None:
    with db.write.begin() as connection:
        add_member(connection, "canary-member", username="canary_name")
    house.ask("canary-member", "restriction")
    house.patch("canary-member", affiliate_sharing=False)
    files = list(settings.journal_dir.iterdir())

    assert [file.suffix for file in files] == [".sealed"] * 2
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    assert not [file for file in files if b"canary" in file.read_bytes() or b"restriction" in file.read_bytes()]
    files[0].write_bytes(files[0].read_bytes()[:-1] + b"x")
    for secret, held in ((SECRET, True), ("another secret key that is long enough", False)):
        opened = Journal(settings.journal_dir, Keyring(secret))
        unread = [entry for entry in opened.entries() if not readable(opened, entry)]
        assert len(unread) == (1 if held else 2)


@pytest.mark.parametrize("name", ["notes", UUID(int=7).hex, "{01a2258c-a15f-71d8-a3f0-b103808844b4}", "f" * 32])
def test_a_stray_file_in_the_journal_is_named(db: Database, tmp_path: Path, keyring: Keyring, name: str) -> None:
    opened = Journal(tmp_path, keyring)
    (tmp_path / f"{new_id(NOW).hex}{journal.SUFFIX}").touch()
    (tmp_path / f"{name}{journal.SUFFIX}").touch()

    with db.write.begin() as connection:
        for use in (opened.lacking, partial(opened.forget, now=NOW)):
            with pytest.raises(JournalError, match=re.escape(f"{name}{journal.SUFFIX}")):
                use(connection)


@pytest.mark.slow
def test_a_journal_may_hold_more_entries_than_a_statement_takes_parameters(
    db: Database, tmp_path: Path, keyring: Keyring
) -> None:
    opened = Journal(tmp_path, keyring)
    made = [new_id(NOW) for _ in range(70_000)]
    for entry in made:
        (tmp_path / f"{entry.hex}{journal.SUFFIX}").touch()
    with db.write.begin() as connection:
        connection.execute(insert(journal_entry).values(id=made[7], at=NOW))

        assert len(opened.lacking(connection)) == 69_999


def readable(opened: Journal, entry: Any) -> bool:
    try:
        return bool(opened.read(entry))
    except JournalError:
        return False


def test_what_was_not_done_is_not_journalled_and_what_cannot_be_journalled_is_not_done(
    house: House, db: Database, settings: Settings, *, monkeypatch: pytest.MonkeyPatch, keyring: Keyring
) -> None:
    with db.write.begin() as connection:
        add_member(connection, "m1")
    opened = Journal(settings.journal_dir, keyring)
    change = {"member": "m1", "attribute": "affiliate_sharing", "value": False, "stamp": "1"}
    with db.write.connect() as connection:
        opened.append(connection, [change])
        assert len(opened.entries()) == 1
        connection.rollback()
    assert opened.entries() == []

    settings.journal_dir.rmdir()
    settings.journal_dir.write_text("no directory")
    assert house.patch("m1", affiliate_sharing=False) == 503
    assert states(db)["m1"][3] is True
    assert house.feed(event("member.privacy_changed", "m1", LATER, affiliate_sharing=False))["status"] == 503
    settings.journal_dir.unlink()
    assert house.patch("m1", affiliate_sharing=False) == 200
    with db.write.begin() as connection:
        assert opened.lacking(connection) == []
        monkeypatch.setattr(journal, "KEPT", timedelta(0))
        assert opened.forget(connection, now=datetime.now(UTC) + timedelta(seconds=1)) == 1
        assert connection.execute(select(journal_entry)).all() == []


def test_an_entry_stays_as_long_as_a_backup_may_lack_it(db: Database, tmp_path: Path, keyring: Keyring) -> None:
    """R41: backups live for 30 days."""
    opened, began = Journal(tmp_path, keyring), datetime.now(UTC)
    with db.write.begin() as connection:
        opened.append(connection, [{"member": "m1", "attribute": "affiliate_sharing", "value": False, "stamp": "1"}])

        assert opened.forget(connection, now=began + timedelta(days=31)) == 0
        assert len(opened.entries()) == len(connection.execute(select(journal_entry)).all()) == 1
        assert opened.forget(connection, now=datetime.now(UTC) + journal.KEPT + timedelta(seconds=1)) == 1
        assert opened.entries() == connection.execute(select(journal_entry)).all() == []


def test_a_server_that_cannot_read_the_journal_does_not_start(settings: Settings, database_url: str) -> None:
    settings.journal_dir.mkdir()
    (settings.journal_dir / f"{'0' * 12}7{'0' * 3}8{'0' * 15}.sealed").write_bytes(b"not sealed with this key")

    with pytest.raises(JournalError):
        recovery.before_serving(settings, database_url)


def test_what_is_undone_while_a_server_starts_is_not_replayed_and_bars_no_later_start(
    db: Database, settings: Settings, database_url: str
) -> None:
    with db.write.begin() as connection:
        add_member(connection, "m1")
    change = {"member": "m1", "attribute": "affiliate_sharing", "value": False, "stamp": "1"}
    with ThreadPoolExecutor(1) as other, db.write.connect() as connection:
        Journal(settings.journal_dir, Keyring(SECRET)).append(connection, [change])
        starting = other.submit(recovery.before_serving, settings, database_url)
        with pytest.raises(TimeoutError):
            starting.result(1)
        connection.rollback()
        starting.result(10)

    recovery.before_serving(settings, database_url)
    assert states(db)["m1"][3] is True


def test_a_notice_in_an_entry_from_before_notices_had_an_order_counts(
    house: House, db: Database, settings: Settings, *, database_url: str, keyring: Keyring
) -> None:
    with db.write.begin() as connection:
        add_member(connection, "m1")
    house.ask("m1", "restriction", "notify", "settle")
    opened = Journal(settings.journal_dir, keyring)
    entry = opened.entries()[-1]
    (change,) = opened.read(entry)
    del change["request"]["notified_as"], change["username"]
    (settings.journal_dir / f"{entry.hex}{journal.SUFFIX}").write_bytes(keyring.seal(orjson.dumps([change])))
    with db.write.begin() as connection:
        connection.execute(delete(journal_entry).where(journal_entry.c.id == entry))
        connection.execute(update(rights_request).values(status="verified", closed_at=None))

    recovery.before_serving(settings, database_url)

    house.ask("m1", "lift_restriction")
    assert states(db)["m1"][0] is False


def test_what_the_database_knows_since_is_not_undone_by_an_entry_from_before(
    house: House, db: Database, settings: Settings, *, database_url: str, keyring: Keyring
) -> None:
    """R41: as where the feed was sent again before the journal was applied."""
    with db.write.begin() as connection:
        for name in ("chose", "against"):
            add_member(connection, name)
    path = "/v1/platform/members/against/requests"
    house.patch("chose", affiliate_sharing=False)
    asked = house.http.post(path, json={"type": "objection", "verified": True}, headers=house.headers).get_json()
    house.feed(event("member.privacy_changed", "to-come", NOW, affiliate_sharing=False))
    before = Journal(settings.journal_dir, keyring).entries()
    house.feed(event("member.privacy_changed", "chose", LATER, affiliate_sharing=True))
    refused = {"action": "refuse", "reason": "because"}
    assert house.http.post(f"{path}/{asked['id']}", json=refused, headers=house.headers).status_code == 200
    house.feed(event("member.privacy_changed", "to-come", LATER, affiliate_sharing=True))
    with db.write.begin() as connection:
        connection.execute(delete(journal_entry).where(journal_entry.c.id.in_(before)))

    recovery.before_serving(settings, database_url)

    house.feed(registered("to-come", LATER))
    undecided = (False, False, False, True, True, "as_profile")
    assert states(db) == dict.fromkeys(("chose", "against", "to-come"), undecided)
    with db.write.connect() as connection:
        assert len(before) == 3
        assert connection.execute(select(rights_request.c.status)).scalars().all() == ["refused"]


def test_no_choice_of_the_erased_is_held_that_a_dying_server_left_in_the_journal(
    house: House, db: Database, settings: Settings, *, database_url: str, keyring: Keyring
) -> None:
    """R45: a setting is held under the platform's id itself."""
    with db.write.begin() as connection:
        add_member(connection, "m1")
        change = {"member": "m1", "attribute": "affiliate_sharing", "value": False, "stamp": "1"}
        Journal(settings.journal_dir, keyring).append(connection, [change])
        connection.execute(delete(journal_entry))
    house.ask("m1", "erasure", "settle")

    recovery.before_serving(settings, database_url)

    with db.write.connect() as connection:
        assert len(connection.execute(select(journal_entry)).all()) > 1
        assert connection.execute(select(held_setting)).all() == []


def test_recipients_are_told_of_what_binds_again(
    house: House, db: Database, settings: Settings, *, database_url: str
) -> None:
    """R41, R65: whoever was not told before the database was set back hears of it."""
    with db.write.begin() as connection:
        add_member(connection, "m1")
    house.ask("m1", "restriction")
    with db.write.begin() as connection:
        for table in (journal_entry, rights_request, concern):
            connection.execute(delete(table))
        connection.execute(update(member).values(restricted=False))

    recovery.before_serving(settings, database_url)

    assert states(db)["m1"][0] is True
    with db.write.connect() as connection:
        assert connection.execute(select(concern.c.topic)).scalars().all() == ["member.restricted"]


def test_what_is_applied_again_is_on_record_for_everybody_whom_it_concerns(
    house: House, db: Database, settings: Settings, *, database_url: str
) -> None:
    """R41; what ends or hides nothing names them too, without a reason."""
    names = ("quiet", "freed", "chose", "left", "also", "gone")
    with db.write.begin() as connection:
        numbers = {add_member(connection, name): name for name in names}
    house.ask("quiet", "restriction")
    house.ask("freed", "restriction", "notify")
    house.ask("freed", "lift_restriction")
    house.patch("chose", affiliate_sharing=True)
    house.feed(*(event("member.signal_received", name, LATER, signal="gpc") for name in ("left", "also")))
    house.ask("gone", "erasure", "settle")
    with db.write.begin() as connection:
        for table in (journal_entry, rights_request, member_stamp, erased_member, former_username):
            connection.execute(delete(table))
        connection.execute(update(member).values(restricted=False, affiliate_sharing=True))
        numbers[add_member(connection, "gone")] = "gone"

    recovery.before_serving(settings, database_url)

    with db.write.connect() as connection:
        records = access_log.outerjoin(access_subject, access_subject.c.access == access_log.c.id)
        found = select(access_log.c.reason, access_subject.c.member).select_from(records)
        told = connection.execute(found.where(access_log.c.operation == recovery.OPERATION)).all()
    assert sorted((numbers[row.member], row.reason or "") for row in told) == sorted([
        ("quiet", ""), ("quiet", "restricted"), ("freed", ""), ("freed", "restricted"), ("freed", ""), ("chose", ""),
        ("left", ""), ("left", "opted_out"), ("also", ""), ("also", "opted_out"),
        ("gone", ""), ("gone", "erased"), ("gone", ""),
    ])  # fmt: skip


def test_no_setting_is_held_for_who_registered_and_was_erased_since_the_backup(
    house: House, db: Database, settings: Settings, *, database_url: str
) -> None:
    """R41, R45: a setting is held under the platform's id itself."""
    house.feed(registered("early", LATER), registered("new", LATER))
    house.patch("new", affiliate_sharing=False)
    for name in ("early", "new"):
        house.ask(name, "erasure", "settle")
    with db.write.begin() as connection:
        for table in (journal_entry, rights_request, erased_member):
            connection.execute(delete(table))
        setting = {"attribute": "affiliate_sharing", "value": False, "stamp": "1"}
        connection.execute(insert(held_setting), [setting | {"member_id": name} for name in ("early", "to-come")])

    recovery.before_serving(settings, database_url)

    with db.write.connect() as connection:
        assert connection.execute(select(held_setting.c.member_id)).scalars().all() == ["to-come"]
    codes = [fault["code"] for fault in house.feed(registered("early", LATER), registered("new", LATER))["errors"]]
    assert codes == ["erased_member"] * 2


def test_what_is_fed_before_the_journal_is_applied_counts_as_it_did_before_the_restore(
    house: House, db: Database, settings: Settings, *, database_url: str
) -> None:
    """R10, R38: purchases from before an erasure, of which the backup knows nothing either."""
    with db.write.begin() as connection:
        add_partner(connection, "w1")
    house.feed(registered("m1", LATER, webmaster="w1"))
    house.ask("m1", "erasure", "settle")
    with db.write.begin() as connection:
        for table in (journal_entry, rights_request, erased_member, former_username):
            connection.execute(delete(table))
    house.feed(registered("m1", LATER, webmaster="w1"))

    assert house.feed(purchased("before", "m1", LATER))["accepted"] == 1
    recovery.before_serving(settings, database_url)
    assert house.feed(purchased("after", "m1", LATER))["errors"][0]["code"] == "erased_member"

    with db.write.connect() as connection:
        bought = connection.execute(select(*ledger_entry.c["purchase_id", "member", "counted"]))
        assert [tuple(row) for row in bought] == [("before", None, True)]


def test_a_journal_that_is_not_where_it_was_is_not_taken_for_an_empty_one(
    house: House, db: Database, settings: Settings, *, database_url: str, tmp_path: Path
) -> None:
    with db.write.begin() as connection:
        add_member(connection, "m1")
    elsewhere = replace(settings, own_journal_dir=tmp_path / "not-mounted")
    recovery.before_serving(elsewhere, database_url)
    house.patch("m1", affiliate_sharing=False)

    with pytest.raises(JournalError, match=r"1 entries of the rights journal .* are not in .*not-mounted"):
        recovery.before_serving(elsewhere, database_url)
    (tmp_path / "not-mounted").write_text("no directory")
    with pytest.raises(JournalError, match="cannot be read"):
        recovery.before_serving(elsewhere, database_url)
    recovery.before_serving(settings, database_url)
    # A second server of one database may have a directory of its own, unless it was told where all have theirs.
    recovery.before_serving(replace(settings, data_dir=tmp_path / "other"), database_url)


def test_what_the_journal_lacks_and_what_was_applied_again_is_in_the_servers_log(
    house: House, db: Database, settings: Settings, *, database_url: str, tmp_path: Path
) -> None:
    def logged(at: Settings) -> list[tuple[str, Any]]:
        with capture_logs() as told:
            recovery.before_serving(at, database_url)
        return [(each["event"], each.get("lost", each.get("choices"))) for each in told]

    with db.write.begin() as connection:
        add_member(connection, "m1")
    house.patch("m1", affiliate_sharing=False)

    assert logged(settings) == []
    assert logged(replace(settings, data_dir=tmp_path / "other")) == [("rights_journal_elsewhere", 1)]
    with db.write.begin() as connection:
        for table in (journal_entry, member_stamp):
            connection.execute(delete(table))
    assert logged(settings) == [("rights_replayed", 1)]
