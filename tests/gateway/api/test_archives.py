"""The archive of a settled request: all that is held and was disclosed, and nothing before identity is sure."""

import csv
import json
from datetime import timedelta
from io import BytesIO, StringIO
from typing import Any
from zipfile import ZipFile

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event, insert, select

from gateway import archiving
from partners.access_log.disclosures import Outside, enter
from partners.access_log.identifiers import new_id
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.rights.archive import NOT_TOLD
from partners.rights.erasure import KEPT
from partners.tables.access import access_log, access_subject
from partners.tables.member import former_username, held_setting, member_stamp
from partners.vocabulary import PartnerKind, RecipientKind
from tests.callers import access_token, add_caller, bearer
from tests.conftest import NOW
from tests.factories import (
    add_action,
    add_purchase,
    add_registration,
    add_reversal,
    add_spending,
    set_usage_clock,
)
from tests.gateway.api.stage import Stage


@pytest.fixture
def stage(http: FlaskClient, db: Database, keyring: Keyring) -> Stage:
    stage = Stage(http, db, keyring)
    stage.headers = bearer(access_token(http, add_caller(db, PartnerKind.PLATFORM, "platform-2")))
    return stage


def ask(stage: Stage, kind: str, *steps: str, member: str = "m1", **more: Any) -> str:
    """A member's request and what the platform did with it; returns the path of its archive."""
    requests = f"/v1/platform/members/{member}/requests"
    made = stage.http.post(requests, json={"type": kind, **more}, headers=stage.headers)
    assert made.status_code == 201, made.get_json()
    path = f"{requests}/{made.get_json()['id']}"
    for step in steps:
        moved = stage.http.post(path, json={"action": step, "reason": "because"}, headers=stage.headers)
        assert moved.status_code == 200, moved.get_json()
    return f"{path}/archive"


def fetch(stage: Stage, path: str) -> dict[str, bytes]:
    answer = stage.http.get(path, headers=stage.headers)
    assert (answer.status_code, answer.content_type) == (200, "application/zip"), answer.data
    assert answer.content_length == len(answer.data)
    assert answer.headers["Cache-Control"] == "no-store"
    with ZipFile(BytesIO(answer.data)) as packed:
        assert packed.testzip() is None
        return {name: packed.read(name) for name in packed.namelist()}


def table(files: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(files[f"{name}.csv"].decode(), newline="")))


@pytest.mark.parametrize("kind", ["portability", "know"])
def test_it_holds_what_is_stored_and_what_was_disclosed_in_both_forms(stage: Stage, kind: str) -> None:
    """R46, R57, R59."""
    stage.member("m1", username="night_owl")
    stage.webmasters["w1"].rows()
    stage.center.get("/members/night_owl", of="mdl-1")

    files = fetch(stage, ask(stage, kind, "settle", verified=True))

    held = {name.removesuffix(".json"): json.loads(body) for name, body in files.items() if name.endswith(".json")}
    assert held["account"]["username"] == "night_owl"
    assert held["profile"]["turn_ons"] == "text"
    assert [(row["purchase_id"], row["amount"]) for row in held["purchases"]] == [("p-m1", "29.40")]
    assert {row["model"] for row in held["spending"]} == {"Public mdl-1", "Public mdl-2"}
    assert held["disclosures"] == [row | {"recipient_kind": kind_of(row)} for row in stage.disclosures("m1")]
    assert [row["type"] for row in held["requests"]] == [kind]
    received = {(row["category"], row["recipient"], row["model"]): row for row in held["recipients"]}
    assert received["purchases", "W1", None]["disclosures"] == 1
    assert received["profile", "Model_Center", "Public mdl-1"]["fields"]
    assert ("special_category", "W1", None) not in received
    for name, document in held.items():
        if name != "about":
            rows = document if isinstance(document, list) else [document]
            assert len(table(files, name)) == len(rows), name
    assert b"night_owl" not in files["index.html"]
    assert all(f"{file['name']}.csv" in files for file in held["about"]["files"])
    assert {category["category"] for category in held["about"]["categories"]} >= {"purchases", "special_category"}


def kind_of(disclosed: dict[str, Any]) -> str:
    return "model center" if disclosed["model"] else "webmaster"


def test_to_know_is_told_twelve_months_back_and_access_everything(stage: Stage, db: Database) -> None:
    """R58."""
    number = stage.member("m1")
    stage.webmasters["w1"].rows()
    with db.write.begin() as connection:
        (row,) = connection.execute(select(access_log).where(access_log.c.member_count == 1)).mappings().all()
        for days in (360, 370):
            # Out of the partitions there are: moved to this month's beginning, and judged by a request received later.
            at = row["at"].replace(day=1) + timedelta(days=days - 360)
            entry = new_id(at)
            kept = {name: value for name, value in row.items() if name not in {"at", "id", "transaction"}}
            connection.execute(insert(access_log).values(**kept, at=at, id=entry))
            connection.execute(insert(access_subject).values(member=number, at=at, access=entry, verdict=-1))

    everything = json.loads(fetch(stage, ask(stage, "access", "settle", verified=True))["disclosures.json"])
    known = fetch(stage, ask(stage, "know", "settle", verified=True))

    assert len(everything) == 3
    assert json.loads(known["about.json"])["period"]["from"] == "2025-11-01T12:00:00Z"


def test_to_know_tells_nothing_that_is_older_than_its_twelve_months(stage: Stage, db: Database) -> None:
    """R46, R58."""
    number, her = stage.member("m1"), stage.models["mdl-1"]
    with db.write.begin() as connection:
        for name, days in (("within", 364), ("before", 366)):
            at = NOW - timedelta(days=days)
            enter(connection, Outside(at, number, RecipientKind.AUTHORITY, name, "operation", ("username",)), now=NOW)
            add_purchase(connection, number, name, at=at)
            add_action(connection, her, number, at=at)
            add_spending(connection, her, number, at=at)

    everything, known = (fetch(stage, ask(stage, kind, "settle", verified=True)) for kind in ("access", "know"))

    for name in ("disclosures", "purchases", "actions", "spending"):
        of_all, of_a_year = table(everything, name), table(known, name)
        assert len(of_all) == len(of_a_year) + 1, name
        assert min(row["at"] for row in of_all) < "2025-11-01" < min(row["at"] for row in of_a_year), name


def test_its_index_counts_every_row_and_says_what_is_left_out_what_stays_and_who_hears_complaints(stage: Stage) -> None:
    """R46, R51, R56."""
    stage.member("m1")
    ask(stage, "know", "refuse")
    ask(stage, "objection", verified=True)
    files = fetch(stage, ask(stage, "access", "settle", verified=True))

    about = json.loads(files["about.json"])
    held = {file["name"]: json.loads(files[f"{file['name']}.json"]) for file in about["files"]}
    assert {name: len(rows) if isinstance(rows, list) else 1 for name, rows in held.items()} == {
        file["name"]: file["rows"] for file in about["files"]
    }
    assert len(held["spending"]) > 1
    assert [request["type"] for request in held["requests"]] == ["access", "objection", "know"]
    assert [each["why"] for each in about["left_out"]] == list(NOT_TOLD.values())
    assert [each["what"] for each in about["stays_after_an_erasure"]] == [kept.what for kept in KEPT]
    assert about["supervisory_authority"]["name"].encode() in files["index.html"]


def test_it_holds_nothing_of_anybody_else(stage: Stage, db: Database) -> None:
    """R46: whatever the gateway holds about others."""
    stage.member("m1")
    path = ask(stage, "access", "settle", verified=True)
    before = fetch(stage, path)

    other = stage.member("m2")
    ask(stage, "portability", "settle", member="m2", verified=True)
    stage.center.get("/members/user_m2", of="mdl-1")
    with db.write.begin() as connection:
        add_registration(connection, other)
        enter(connection, Outside(NOW, other, RecipientKind.AUTHORITY, "A court", "operation", ("username",)), now=NOW)
        change = {"attribute": "affiliate_sharing", "stamp": "1\x1fs\x1f1"}
        connection.execute(insert(member_stamp).values(member=other, **change))
        connection.execute(insert(held_setting).values(member_id="m2", value=False, **change))
        connection.execute(insert(former_username).values(digest=b"other", blocked_until=NOW, member=other))

    assert stage.disclosures("m2")
    assert fetch(stage, path) == before


def test_recipients_are_told_from_the_first_disclosure_to_the_last_with_all_that_they_got(stage: Stage) -> None:
    """R59."""
    stage.member("m1")
    w1, w2 = stage.webmasters["w1"], stage.webmasters["w2"]
    for _ in range(2):
        assert w1.rows()
        assert w1.get("/purchases").get_json()["data"]
    stage.center.get("/members/user_m1", of="mdl-1", scope="cards:read cards.sensitive:read")
    stage.center.get("/members/user_m1", of="mdl-1")
    assert w2.rows() == []

    files = fetch(stage, ask(stage, "access", "settle", verified=True))

    recipients = json.loads(files["recipients.json"])
    bought, chatted = (
        next(row for row in recipients if row["category"] == category) for category in ("purchases", "special_category")
    )
    told = [each for each in json.loads(files["disclosures.json"]) if each["partner"] == "W1"]
    assert (bought["recipient"], bought["kind"], bought["disclosures"]) == ("W1", "webmaster", 4)
    assert bought["purposes"] == ["campaigns", "income"]
    assert {"credit_purchases", "amount", "credits"} <= set(bought["fields"])
    assert (bought["first_at"], bought["last_at"]) == (told[-1]["at"], told[0]["at"])
    assert bought["first_at"] < bought["last_at"]
    known = {(row["category"], row["recipient"]): row["disclosures"] for row in recipients}
    assert known["identifiers", "W1"] == 2, "whose a line of the purchase log is belongs to the purchase"
    assert (chatted["model"], chatted["disclosures"]) == ("Public mdl-1", 1)
    assert {row["recipient"] for row in recipients} == {"W1", "Model_Center"}


def test_it_is_all_of_one_moment(stage: Stage, db: Database) -> None:
    """What changes while it is gathered is in every file of it, or in none."""
    number = stage.member("m1", username="night_owl")
    path = ask(stage, "access", "settle", verified=True)
    written = stage.http.application.extensions["runtime"].database.write

    has_changed: list[bool] = []

    def buy_and_rename(*executed: Any) -> None:
        if "FROM purchase_total" in executed[2] and not has_changed:
            has_changed.append(True)
            stage.change(number, username="renamed")
            with db.write.begin() as connection:
                add_purchase(connection, number, "meanwhile", at=NOW)

    event.listen(written, "after_cursor_execute", buy_and_rename)
    files = fetch(stage, path)
    event.remove(written, "after_cursor_execute", buy_and_rename)

    assert has_changed
    assert table(files, "account")[0]["username"] == "night_owl"
    assert table(files, "purchase_totals")[0]["count"] == "1"
    assert [row["purchase_id"] for row in table(files, "purchases")] == ["p-m1"]
    assert len(table(fetch(stage, path), "purchases")) == 2


def test_there_is_none_before_identity_is_sure_and_the_request_settled(stage: Stage) -> None:
    """R48, R56."""
    stage.member("m1")
    for path, slug in [
        (ask(stage, "access"), "not-settled"),
        (ask(stage, "access", "verify"), "not-settled"),
        (ask(stage, "access", "verify", "refuse"), "request-refused"),
        (ask(stage, "objection", "settle", verified=True), "no-archive"),
    ]:
        answer = stage.http.get(path, headers=stage.headers)

        assert answer.status_code == 409
        assert answer.get_json()["type"].endswith(f"#{slug}")
        assert b"night" not in answer.data
        assert ("supervisory_authority" in answer.get_json()) == (slug == "request-refused")


def test_once_an_erasure_is_settled_there_is_nothing_to_tell(stage: Stage) -> None:
    """R46, R50."""
    stage.member("m1")
    path = ask(stage, "access", "settle", verified=True)
    erasure = ask(stage, "erasure", verified=True).removesuffix("/archive")

    # It may still be refused.
    assert fetch(stage, path)["account.json"]
    stage.http.post(erasure, json={"action": "settle"}, headers=stage.headers)
    assert stage.http.get(path, headers=stage.headers).status_code == 404

    ask_again = stage.http.get(path.replace("m1", "nobody"), headers=stage.headers)
    assert ask_again.status_code == 404


def test_it_is_on_record_with_the_member_and_is_no_disclosure(stage: Stage, db: Database) -> None:
    number = stage.member("m1")
    fetch(stage, ask(stage, "access", "settle", verified=True))

    with db.write.connect() as connection:
        asked = select(access_log, access_subject.c.member).join(
            access_subject, access_subject.c.access == access_log.c.id
        )
        record = connection.execute(asked.where(access_log.c.operation == "requests.archive")).one()

    assert (record.outcome, record.status, record.purpose, record.member) == ("released", 200, "members_rights", number)
    assert stage.disclosures("m1") == []


def test_a_large_one_does_not_stay_in_memory(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archiving, "IN_MEMORY_BYTES", 100)
    stage.member("m1", username="night_owl")

    assert b"night_owl" in fetch(stage, ask(stage, "access", "settle", verified=True))["account.json"]


def test_what_a_spreadsheet_could_take_for_a_formula_is_harmless_in_the_csv_alone(stage: Stage) -> None:
    stage.change_profile(stage.member("m1"), nickname="=1+1")

    files = fetch(stage, ask(stage, "access", "settle", verified=True))

    assert table(files, "profile")[0]["nickname"] == "'=1+1"
    assert json.loads(files["profile.json"])["nickname"] == "=1+1"


def test_figures_keep_their_sign_and_days_are_no_json_in_the_csv(stage: Stage, db: Database) -> None:
    number = stage.member("m1")
    with db.write.begin() as connection:
        add_reversal(connection, "p-m1")
        set_usage_clock(connection, number, active_on=NOW.date())

    files = fetch(stage, ask(stage, "access", "settle", verified=True))

    figures = {row["type"]: (row["credits"], row["amount"]) for row in table(files, "purchases")}
    assert figures == {"purchase": ("60", "29.40"), "reversal": ("-60", "-29.40")}
    assert table(files, "purchase_totals")[0]["active_on"] == NOW.date().isoformat()


def test_only_those_who_may_act_for_members_get_it(stage: Stage, http: FlaskClient, db: Database) -> None:
    stage.member("m1")
    path = ask(stage, "access", "settle", verified=True)
    reader = bearer(access_token(http, add_caller(db, PartnerKind.PLATFORM, "platform-3"), "disclosures:read"))

    for headers in (reader, stage.webmasters["w1"].headers):
        assert http.get(path, headers=headers).status_code == 403
