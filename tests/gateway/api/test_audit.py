"""The access log as auditors read it: every outcome with its true reason, every field named, no value anywhere."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert, select, text, update

from partners.keyring import Digest, Keyring
from partners.postgres import database
from partners.postgres.database import Database
from partners.rights.erasure import carry_out
from partners.tables.access import access_log, access_network, access_subject, policy_version
from partners.tables.member import former_username
from partners.vocabulary import PartnerKind
from serializers.policies import DOCUMENT, VERSION
from tests.callers import access_token, add_caller, bearer
from tests.conftest import NOW
from tests.factories import add_member, add_model, add_relation
from tests.gateway.api.test_model import EVERY_SCOPE, ModelCenter
from tests.gateway.api.test_webmaster import ABSENT, Webmaster, change, webmaster


@dataclass
class Auditor:
    """An auditor with a token."""

    http: FlaskClient
    headers: dict[str, str]

    def get(self, path: str, **query: Any) -> Any:
        answer = self.http.get(f"/v1/audit{path}", query_string=query, headers=self.headers)
        assert answer.status_code == 200, answer.get_json()
        return answer.get_json()

    def entries(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/accesses", **query)["data"]
        return found


@pytest.fixture
def auditor(db: Database, http: FlaskClient) -> Auditor:
    return Auditor(http, bearer(access_token(http, add_caller(db, PartnerKind.AUDITOR))))


@pytest.fixture
def w1(db: Database, http: FlaskClient) -> Webmaster:
    return webmaster(db, http, "w1")


@pytest.fixture
def center(db: Database, http: FlaskClient, keyring: Keyring) -> ModelCenter:
    return ModelCenter(http, db, add_caller(db, PartnerKind.MODEL_CENTER, scopes=EVERY_SCOPE), keyring)


def test_an_entry_names_who_what_and_whom(db: Database, w1: Webmaster, auditor: Auditor) -> None:
    w1.member(db, "m1")
    w1.member(db, "m2", username="me@example.com", username_harmless=False)
    answer = w1.get("/members")

    entry = auditor.entries(partner="w1", operation="members.list")[0]

    assert entry["id"].startswith("acc_")
    assert entry["request_id"] == answer.headers["X-Request-Id"]
    assert datetime.fromisoformat(entry["at"]) <= datetime.now(UTC)
    assert {name: entry[name] for name in ("audience", "partner", "client", "model", "purpose", "ip", "status")} == {
        "audience": "webmaster",
        "partner": "w1",
        "client": w1.caller.id,
        "model": None,
        "purpose": "campaigns",
        "ip": "127.0.0.1",
        "status": 200,
    }
    assert entry["outcome"] == "partial"
    assert entry["reason"] is None
    assert entry["policy_version"] == VERSION
    assert entry["member_count"] == 2
    assert sorted(entry["members"]) == ["m1", "m2"]
    assert entry["fields_released"] == [
        "ref",
        "username",
        "registration_date",
        "site",
        "country",
        "device",
        "credit_purchases",
        "referral",
    ]
    assert entry["fields_withheld"] == {"username": {"username_identifying": 1}}


def test_every_look_may_have_a_case_and_none_has_half_of_one(app: Flask, db: Database, auditor: Auditor) -> None:
    """Whatever is looked at, a case is held to the same rule, and is on record."""
    case = {"Case-Number": "SEC-7", "Case-Purpose": "complaint"}
    guards = {rule.rule: getattr(app.view_functions[rule.endpoint], "guard", None) for rule in app.url_map.iter_rules()}
    looks = {path: guard.operation for path, guard in guards.items() if guard and path.startswith("/v1/audit/")}
    del looks["/v1/audit/consistency"]  # Nothing is sealed here.
    assert len(looks) == 9
    for rule, operation in looks.items():
        path = re.sub("<[a-z_]+>", "unknown", rule)
        half = auditor.http.get(path, headers=auditor.headers | {"Case-Number": "nonsense"})
        whole = auditor.http.get(path, headers=auditor.headers | case)

        assert (half.status_code, half.get_json()["errors"][0]["code"]) == (422, "invalid_case"), path
        assert whole.status_code in {200, 404}, path
        with db.write.begin() as connection:
            told = select(access_log.c["case_number", "case_purpose"]).where(access_log.c.operation == operation)
            assert connection.execute(told).all() == [("SEC-7", "complaint")], path


def test_a_look_at_an_entry_names_whom_it_shows_where_it_has_a_case(
    db: Database, w1: Webmaster, auditor: Auditor, keyring: Keyring
) -> None:
    w1.member(db, "m1")
    w1.member(db, "m2")
    erased = w1.member(db, "m3")
    w1.get("/members")
    with db.write.begin() as connection:
        carry_out(connection, erased, keyring, NOW)
    entry = auditor.entries(operation="members.list")[0]["id"]
    with_case = replace(auditor, headers=auditor.headers | {"Case-Number": "SEC-7", "Case-Purpose": "complaint"})

    def named(operation: str) -> list[str]:
        return sorted(auditor.entries(operation=operation, limit=1)[0]["members"])

    auditor.get(f"/accesses/{entry}")
    assert named("audit.get") == []
    with_case.get(f"/accesses/{entry}")
    assert named("audit.get") == ["m1", "m2"]
    cursor = with_case.get(f"/accesses/{entry}/members", limit=1)["page"]["next_cursor"]
    assert named("audit.members") == ["m1"]
    with_case.get(f"/accesses/{entry}/members", limit=5, cursor=cursor)
    assert named("audit.members") == ["m2"]


def test_the_record_covers_the_page_and_not_the_probe(db: Database, w1: Webmaster, auditor: Auditor) -> None:
    for place in range(3):
        w1.member(db, f"m{place}")
    w1.get("/members", limit=2)

    entry = auditor.entries(operation="members.list")[0]

    assert entry["member_count"] == 2
    assert len(entry["members"]) == 2


@pytest.mark.parametrize(
    "verdicts",
    [
        *("[[127.0, 1]]", "[[1]]", "7", '{"a": 1}', '[["127", "1"]]', "[1e400]", "[[1e400, 1]]"),
        *("[[9223372036854775808, 1]]", "[[127, 9223372036854775807]]", "[" * 2_000 + "]" * 2_000),
    ],
)
def test_verdicts_that_somebody_altered_explain_nothing_and_hide_no_entry(
    database_url: str, w1: Webmaster, auditor: Auditor, verdicts: str
) -> None:
    w1.get("/members")
    owner = database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text("UPDATE access_log SET verdicts = cast(:told as jsonb)"), {"told": verdicts})
    owner.dispose()

    entry = auditor.entries(operation="members.list")[0]

    assert (entry["outcome"], entry["fields_released"], entry["fields_withheld"]) == ("empty", [], {})
    assert auditor.entries(reason="opted_out") == []
    assert len(auditor.entries(field="username")) <= 1


def test_an_empty_list_is_recorded_as_empty(w1: Webmaster, auditor: Auditor) -> None:
    w1.get("/members")

    entry = auditor.entries(operation="members.list")[0]

    assert (entry["outcome"], entry["member_count"], entry["fields_released"]) == ("empty", 0, [])


@pytest.mark.parametrize("reason", ABSENT)
def test_a_404_is_recorded_with_its_true_reason(db: Database, w1: Webmaster, auditor: Auditor, reason: str) -> None:
    number = w1.member(db, "m1")
    ref = w1.rows()[0]["ref"]
    change(db, number, **ABSENT[reason])
    w1.get(f"/members/{ref}")

    entry = auditor.entries(operation="members.get")[0]

    assert (entry["outcome"], entry["status"], entry["reason"]) == ("not_found", 404, reason)
    assert (entry["member_count"], entry["members"]) == (0, [])


def test_strange_refs_are_told_apart_in_the_log_alone(
    db: Database, http: FlaskClient, w1: Webmaster, auditor: Auditor
) -> None:
    other = webmaster(db, http, "w2")
    other.member(db, "m2")
    w1.get(f"/members/{other.rows()[0]['ref']}")
    w1.get("/members/mbr_AAAAAAAAAAAAAAAAAAAAAA")

    assert [entry["reason"] for entry in auditor.entries(operation="members.get")] == ["unknown", "not_referred"]


def test_cards_name_withheld_items_and_why(db: Database, center: ModelCenter, auditor: Auditor) -> None:
    with db.write.begin() as connection:
        number = add_member(
            connection, "m1", username="night_owl", mask="gold", mask_visibility="private",
            profile_columns={"age_visibility": "private_chatted"},
        )  # fmt: skip
        add_relation(connection, add_model(connection, "mdl-1"), number)
    center.get("/members/night_owl")
    center.get("/members/nobody")
    center.get("/members/night_owl", scope="cards:read cards.sensitive:read")

    marked, missing, entry = auditor.entries(operation="card.get")

    assert missing["reason"] == "unknown"
    assert entry["model"] == "mdl-1"
    assert entry["fields_withheld"]["mask"] == {"visibility_private": 1}
    assert entry["fields_withheld"]["profile.age"] == {"visibility_private_chatted": 1}
    assert entry["fields_withheld"]["profile.turn_ons"] == {"scope_missing": 1}
    assert entry["sensitive"] == []
    assert marked["sensitive"] == ["profile.sexual_preferences", "profile.turn_ons", "profile.dislikes"]
    assert "profile.nickname" in entry["fields_released"]


def test_denials_are_recorded(db: Database, http: FlaskClient, w1: Webmaster, auditor: Auditor) -> None:
    http.get("/v1/webmaster/members")
    http.get("/v1/webmaster/members", headers=bearer("nonsense"))
    http.get("/v1/model/members/night_owl", headers=w1.headers)
    with db.write.begin() as connection:
        connection.execute(text("UPDATE partner SET status = 'suspended' WHERE id = 'w1'"))
    suspended = w1.get("/members")

    entries = auditor.entries(outcome="denied")

    assert suspended.status_code == 401
    assert [(entry["operation"], entry["status"], entry["reason"]) for entry in entries] == [
        ("members.list", 401, "suspended"),
        ("card.get", 403, "insufficient_scope"),
        ("members.list", 401, "invalid_token"),
        ("members.list", 401, "invalid_token"),
    ]


def test_searches(db: Database, w1: Webmaster, center: ModelCenter, auditor: Auditor) -> None:
    number = w1.member(db, "m1", username="me@example.com", username_harmless=False)
    w1.member(db, "m2")
    ref = next(row["ref"] for row in w1.rows() if row["username"] is None)
    single = w1.get(f"/members/{ref}")
    center.get("/members/nobody")
    del number

    def operations(**query: Any) -> list[str]:
        return [e["operation"] for e in auditor.entries(**query) if not e["operation"].startswith(("audit", "oauth"))]

    assert operations(member="m1") == ["members.get", "members.list"]
    assert operations(member="m2") == ["members.list"]
    assert operations(member="nobody") == []
    assert operations(partner="w1", ref=ref) == ["members.get", "members.list"]
    assert operations(partner="model_center") == ["card.get"]
    assert operations(request_id=single.headers["X-Request-Id"]) == ["members.get"]
    assert operations(request_id="req_nonsense") == []
    assert operations(field="username") == ["members.list"]
    assert operations(field="username", reason="username_identifying") == ["members.get", "members.list"]
    assert operations(reason="username_identifying") == ["members.get", "members.list"]
    assert operations(reason="unknown") == ["card.get"]
    assert operations(field="mask") == []
    assert operations(outcome="not_found") == ["card.get"]
    assert operations(ip="127.0.0.1") == operations()
    assert operations(ip="10.0.0.0/8") == []
    assert operations(client=w1.caller.id) == ["members.get", "members.list"]
    assert operations(model="mdl-1") == ["card.get"]
    future = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert operations(**{"from": future}) == []
    assert operations(to=future) == ["card.get", "members.get", "members.list"]
    at = auditor.entries(operation="members.get")[0]["at"]
    assert operations(**{"from": at}) == ["card.get", "members.get"]
    assert operations(to=at) == ["members.list"]


def test_a_field_is_searched_by_the_policy_of_its_day(db: Database, w1: Webmaster, auditor: Auditor) -> None:
    """R31."""
    of_that_day = DOCUMENT["webmaster"]
    only_site = of_that_day | {"fields": {"site": of_that_day["fields"]["site"]}}
    w1.member(db, "m1")
    w1.get("/members")
    with db.write.begin() as connection:
        connection.execute(text("SET LOCAL ROLE NONE"))
        connection.execute(insert(policy_version).values(version="older", document=DOCUMENT | {"webmaster": only_site}))
        connection.execute(update(access_log).values(policy_version="older"))

    assert [entry["operation"] for entry in auditor.entries(field="site")] == ["members.list"]
    assert auditor.entries(field="username") == []


def test_the_former_name_of_somebody_who_is_there_is_unknown(
    db: Database, center: ModelCenter, auditor: Auditor, keyring: Keyring
) -> None:
    """R42: only that of the erased says so."""
    with db.write.begin() as connection:
        digest = keyring.digest(Digest.USERNAME, "old_owl")
        blocked = {"digest": digest, "blocked_until": NOW + timedelta(days=9), "member": add_member(connection, "m1")}
        connection.execute(former_username.insert().values(**blocked, erased=False))

    assert center.get("/members/old_owl").status_code == 404
    assert auditor.entries(operation="card.get")[0]["reason"] == "unknown"


def test_what_was_given_for_another_reason_is_not_found_by_one_to_withhold_it(
    db: Database, center: ModelCenter, auditor: Auditor
) -> None:
    """R16: a mask for privately chatted models, and she is one."""
    with db.write.begin() as connection:
        number = add_member(connection, "m1", username="night_owl", mask="gold", mask_visibility="private_chatted")
        add_relation(connection, add_model(connection, "mdl-1"), number, privately_chatted=True)
    assert center.get("/members/night_owl").get_json()["data"]["mask"] == "gold"

    assert len(auditor.entries(field="mask")) == 1
    assert auditor.entries(field="mask", reason="visibility_private_chatted") == []


def test_a_ref_is_of_one_partner(db: Database, w1: Webmaster, center: ModelCenter, auditor: Auditor) -> None:
    number = w1.member(db, "m1", username="night_owl")
    with db.write.begin() as connection:
        add_relation(connection, add_model(connection, "mdl-1"), number)
    assert center.get("/members/night_owl").status_code == 200
    ref = w1.rows()[0]["ref"]

    assert [each["operation"] for each in auditor.entries(partner="w1", ref=ref)] == ["members.list"]
    assert [each["operation"] for each in auditor.entries(partner="model_center", member="m1")] == ["card.get"]
    assert auditor.entries(partner="model_center", ref=ref) == []


def test_a_ref_leads_to_nobody_once_the_member_is_erased(
    db: Database, w1: Webmaster, auditor: Auditor, keyring: Keyring
) -> None:
    number = w1.member(db, "m1")
    (row,) = w1.rows()
    found = auditor.entries(partner="w1", ref=row["ref"])
    with db.write.begin() as connection:
        carry_out(connection, number, keyring, NOW)

    assert [entry["operation"] for entry in found] == ["members.list"]
    assert auditor.entries(partner="w1", ref=row["ref"]) == []
    assert "members.list" in {entry["operation"] for entry in auditor.entries(partner="w1")}


def test_sums_say_which_policy_they_were_made_under(w1: Webmaster, auditor: Auditor) -> None:
    w1.get("/stats", **{"from": "2026-10-01", "to": "2026-10-02"})
    w1.get("/statements")
    w1.get("/campaigns")

    entries = [each for each in auditor.entries(partner="w1") if not each["operation"].startswith("oauth")]

    assert {entry["operation"]: entry["policy_version"] for entry in entries} == dict.fromkeys(
        ["stats.query", "statements.list", "campaigns.list"], VERSION
    )


def test_the_members_of_an_entry_come_once_each_page_by_page(db: Database, w1: Webmaster, auditor: Auditor) -> None:
    names = [f"m{place}" for place in range(5)]
    for name in names:
        w1.member(db, name)
    w1.get("/members")
    entry = auditor.entries(operation="members.list")[0]

    pages = [auditor.get(f"/accesses/{entry['id']}/members", limit=2)]
    while (cursor := pages[-1]["page"]["next_cursor"]) is not None and len(pages) < len(names):
        pages.append(auditor.get(f"/accesses/{entry['id']}/members", limit=2, cursor=cursor))

    assert [[row["member"] for row in page["data"]] for page in pages] == [names[:2], names[2:4], names[4:]]


def test_a_search_walks_page_by_page(w1: Webmaster, auditor: Auditor) -> None:
    for _ in range(5):
        w1.get("/members")

    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = auditor.get("/accesses", partner="w1", operation="members.list", limit=2, **cursor)
        seen += [entry["id"] for entry in page["data"]]
        cursor = {"cursor": page["page"]["next_cursor"]}

    assert len(seen) == len(set(seen)) == 5
    assert cursor == {"cursor": None}


def test_a_cursor_is_bound_to_its_list_and_its_auditor(db: Database, w1: Webmaster, auditor: Auditor) -> None:
    for _ in range(2):
        w1.get("/members")
    asked = {"client": w1.caller.id, "limit": 1}
    of_all = auditor.get("/accesses", limit=1)["page"]["next_cursor"]
    of_one = auditor.get("/accesses", **asked)["page"]["next_cursor"]
    other = bearer(access_token(auditor.http, add_caller(db, PartnerKind.AUDITOR)))

    for path, query, headers in (
        ("/alerts", {"limit": 1, "cursor": of_all}, auditor.headers),
        ("/accesses", {**asked, "cursor": of_one}, other),
    ):
        answer = auditor.http.get(f"/v1/audit{path}", query_string=query, headers=headers)
        assert answer.status_code == 422
        assert [fault["code"] for fault in answer.get_json()["errors"]] == ["invalid_cursor"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"ref": "mbr_x"}, "ref"),
        ({"outcome": "maybe"}, "outcome"),
        ({"reason": "because"}, "reason"),
        ({"from": "2026-01-01"}, "from"),
        ({"from": "2026-W45-2T00:00:00Z"}, "from"),
        ({"from": "2026-01-01T00:00Z"}, "from"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "from"),
        ({"from": "2026-01-01T00:00:00+01:99"}, "from"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01t00:00:00z"}, "to"),
        ({"ip": "here"}, "ip"),
        ({"ip": "fe80::1%eth0"}, "ip"),
        ({"field": "email"}, "field"),
        ({"username": "night_owl"}, "username"),
        ({"member": "a\0b"}, "member"),
    ],
)
def test_bad_searches_are_refused(auditor: Auditor, query: dict[str, str], parameter: str) -> None:
    answer = auditor.http.get("/v1/audit/accesses", query_string=query, headers=auditor.headers)

    assert answer.status_code == 422
    assert [fault["parameter"] for fault in answer.get_json()["errors"]] == [parameter]


def test_a_search_hears_of_all_its_faults(auditor: Auditor) -> None:
    for query in ({"field": "email", "q": "parnter:w1"}, {"ref": "mbr_x", "limit": "0"}):
        answer = auditor.http.get("/v1/audit/accesses", query_string=query, headers=auditor.headers)

        assert {fault["parameter"] for fault in answer.get_json()["errors"]} == set(query)


def test_one_entry_with_the_exact_bytes(db: Database, w1: Webmaster, auditor: Auditor) -> None:
    w1.member(db, "m1")
    w1.get("/members")
    listed = auditor.entries(operation="members.list")[0]

    entry = auditor.get(f"/accesses/{listed['id']}")["data"]

    leaf = json.loads(base64.b64decode(entry["leaf"]))
    assert entry == listed | {"leaf": entry["leaf"], "proof": None}
    searchable = ("id", "request_id", "audience", "partner", "client", "model", "operation", "purpose", "outcome")
    for name in (*searchable, "status", "reason", "member_count", "policy_version"):
        assert leaf[name] == entry[name], name
    assert datetime.fromisoformat(leaf["at"]) == datetime.fromisoformat(entry["at"])
    with db.write.connect() as connection:
        subjects = connection.execute(select(access_subject)).all()
        network = connection.execute(select(access_network).order_by(access_network.c.at)).all()
    lines = ",".join(f"{row.member}:{row.verdict}" for row in sorted(subjects, key=lambda row: row.member))
    assert leaf["members"] == hashlib.sha256(lines.encode()).hexdigest()
    digests = [hashlib.sha256(row.salt.bytes + row.ip.packed).hexdigest() for row in network]
    assert leaf["network"] in digests


def test_the_members_of_an_entry_each_with_fields_and_reasons(db: Database, w1: Webmaster, auditor: Auditor) -> None:
    w1.member(db, "m1")
    w1.member(db, "m2", username_harmless=False)
    w1.member(db, "m3")
    w1.get("/members")
    identifier = auditor.entries(operation="members.list")[0]["id"]

    first = auditor.get(f"/accesses/{identifier}/members", limit=2)
    second = auditor.get(f"/accesses/{identifier}/members", limit=2, cursor=first["page"]["next_cursor"])

    members = {row["member"]: row for row in first["data"] + second["data"]}
    assert members.keys() == {"m1", "m2", "m3"}
    assert members["m2"]["fields_withheld"] == {"username": ["username_identifying"]}
    assert "username" in members["m1"]["fields_released"]
    assert second["page"] == {"next_cursor": None, "has_more": False}


@pytest.mark.parametrize("path", ["acc_00", "acc_" + "0" * 32, "x", "acc_" + "f" * 32])
def test_an_unknown_entry_is_404(auditor: Auditor, path: str) -> None:
    for suffix in ("", "/members"):
        answer = auditor.http.get(f"/v1/audit/accesses/{path}{suffix}", headers=auditor.headers)

        assert answer.status_code == 404


def test_every_look_at_the_log_is_in_the_log(auditor: Auditor) -> None:
    auditor.entries(operation="card.get")

    entry = auditor.entries(operation="audit.search")[0]

    assert (entry["audience"], entry["purpose"]) == ("auditor", "security")


def test_other_audiences_may_not_look(w1: Webmaster) -> None:
    for path in ("/accesses", "/accesses/acc_1", "/accesses/acc_1/members"):
        assert w1.http.get(f"/v1/audit{path}", headers=w1.headers).status_code == 403


def test_no_value_of_a_member_is_in_the_log(db: Database, w1: Webmaster, auditor: Auditor) -> None:
    w1.member(db, "m1", username="canary_name", sub1="canary_sub", mask="canary_mask")
    w1.get("/members")

    with db.write.connect() as connection:
        tables = ("access_log", "access_subject", "access_network")
        dump = "".join(str(connection.execute(text(f"SELECT * FROM {table}")).all()) for table in tables)

    assert "canary" not in dump
    assert "canary" not in json.dumps(auditor.entries())
