"""The platform changes what is shared over HTTP: settings and requests, each recorded with what it did."""

from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from gateway.api.bodies import LARGEST_BODY
from gateway.description.errors import PROBLEM
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.rights.erasure import carry_out
from partners.tables.access import access_log, access_subject
from partners.tables.activity import model
from partners.tables.member import member, profile
from partners.tables.partner import partner
from partners.vocabulary import PartnerKind, ProfileItem
from tests.callers import access_token, add_caller, bearer, model_token
from tests.conftest import NOW
from tests.factories import add_member, add_relation

PRIVACY = "/v1/platform/members/m1/privacy"
REQUESTS = "/v1/platform/members/m1/requests"
DEFAULTS = {
    "profile_visibility": "all_models",
    "mask_visibility": "public",
    "share_regular_payer": True,
    "affiliate_sharing": True,
    "loyalty_participation": True,
    "service_consent": True,
    "profile_item_visibility": dict.fromkeys((item.value for item in ProfileItem), None),
}


class Platform:
    """The platform's back end, with a token that may do what these tests do."""

    def __init__(self, http: FlaskClient, db: Database) -> None:
        self.http, self.db = http, db
        self.headers = bearer(access_token(http, add_caller(db, PartnerKind.PLATFORM)))

    def get(self, path: str) -> TestResponse:
        return self.http.get(path, headers=self.headers)

    def post(self, path: str, document: Any) -> TestResponse:
        return self.http.post(path, json=document, headers=self.headers)

    def patch(self, document: Any, path: str = PRIVACY) -> TestResponse:
        return self.http.patch(path, json=document, headers=self.headers)

    def ask(self, kind: str, **more: Any) -> str:
        answer = self.post(REQUESTS, {"type": kind, **more})
        assert answer.status_code == 201, answer.get_json()
        return f"{REQUESTS}/{answer.get_json()['id']}"

    def records(self) -> list[Any]:
        log = access_log.c
        columns = (log.operation, log.outcome, log.status, log.reason, log.member_count, log.purpose, log.audience)
        with self.db.write.connect() as connection:
            rights = select(*columns).where(log.purpose == "members_rights").order_by(log.at, log.id)
            return list(connection.execute(rights))


@pytest.fixture
def platform(http: FlaskClient, db: Database) -> Platform:
    with db.write.begin() as connection:
        add_member(connection)
    return Platform(http, db)


def faults(answer: TestResponse) -> set[tuple[str, str]]:
    assert answer.status_code == 422, answer.get_json()
    return {(fault["pointer"], fault["code"]) for fault in answer.get_json()["errors"]}


def test_settings_are_told_whole(platform: Platform) -> None:
    answer = platform.get(PRIVACY)

    assert (answer.status_code, answer.get_json()) == (200, DEFAULTS)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("content_type", ["application/merge-patch+json", "application/json"])
def test_a_patch_changes_what_it_names_and_answers_with_all_settings(platform: Platform, content_type: str) -> None:
    patch = b'{"affiliate_sharing": false, "profile_item_visibility": {"age": "private", "gender": null}}'
    answer = platform.http.patch(PRIVACY, data=patch, headers=platform.headers, content_type=content_type)

    expected = DEFAULTS | {
        "affiliate_sharing": False,
        "profile_item_visibility": DEFAULTS["profile_item_visibility"] | {"age": "private"},  # type: ignore[operator]
    }
    assert (answer.status_code, answer.get_json()) == (200, expected)
    assert platform.get(PRIVACY).get_json() == expected


def test_null_takes_an_items_own_setting_back(platform: Platform) -> None:
    platform.patch({"profile_item_visibility": {"age": "private"}})
    platform.patch({"profile_item_visibility": {"age": None}})

    with platform.db.write.connect() as connection:
        assert connection.execute(select(profile.c.age_visibility)).scalar_one() == "as_profile"


def test_an_empty_patch_changes_nothing(platform: Platform) -> None:
    assert platform.patch({}).get_json() == DEFAULTS


def test_every_fault_of_a_patch_is_named_at_once_and_nothing_is_changed(platform: Platform) -> None:
    answer = platform.patch(
        {
            "affiliate_sharing": False,
            "service_consent": None,
            "loyalty_participation": "yes",
            "share_regular_payer": 1,
            "mask_visibility": "all_models",
            "profile_visibility": ["private"],
            "profile_item_visibility": {"age": "hidden", "shoe/size~": "private"},
            "erased": False,
        }
    )

    assert faults(answer) == {
        ("/service_consent", "invalid_value"),
        ("/loyalty_participation", "invalid_value"),
        ("/share_regular_payer", "invalid_value"),
        ("/mask_visibility", "invalid_value"),
        ("/profile_visibility", "invalid_value"),
        ("/profile_item_visibility/age", "invalid_value"),
        ("/profile_item_visibility/shoe~1size~0", "unknown_parameter"),
        ("/erased", "unknown_parameter"),
    }
    assert platform.get(PRIVACY).get_json() == DEFAULTS


def test_what_is_no_patch_of_settings_is_refused(platform: Platform) -> None:
    for body in ("[]", "null", "3", '"x"', '{"profile_item_visibility": null}', '{"mask_visibility": null}'):
        answer = platform.http.patch(PRIVACY, data=body, headers=platform.headers, content_type="application/json")
        assert answer.status_code == 422, body


def test_a_refusal_says_what_there_is_instead(platform: Platform) -> None:
    def told(answer: Any) -> dict[str, str]:
        return {each.get("parameter", each.get("pointer")): each["detail"] for each in answer.get_json()["errors"]}

    items = ", ".join(ProfileItem)
    assert told(platform.patch({"erased": False, "profile_item_visibility": {"shoe": "private"}})) == {
        "/erased": "Unknown field. There is: profile_visibility, profile_item_visibility, mask_visibility, "
        "share_regular_payer, affiliate_sharing, loyalty_participation, service_consent.",
        "/profile_item_visibility/shoe": f"Unknown field. There is: {items}.",
    }
    assert told(platform.patch({"profile_item_visibility": []})) == {
        "/profile_item_visibility": "A JSON object is needed.",
    }
    assert told(platform.http.patch(PRIVACY, json=[], headers=platform.headers)) == {"": "A JSON object is needed."}
    assert told(platform.get(f"{PRIVACY}?x=1")) == {"x": "Unknown field. There is none here."}


def test_query_and_body_hear_of_all_their_faults(platform: Platform) -> None:
    body = {"type": "nonsense", "x": 1}
    answer = platform.http.post(f"{REQUESTS}?a=1", json=body, headers=platform.headers)

    faults = [fault.get("parameter") or fault["pointer"] for fault in answer.get_json()["errors"]]
    assert (answer.status_code, sorted(faults)) == (422, ["/type", "/x", "a"])
    assert platform.http.post(f"{REQUESTS}?a=1", data=b"{", headers=platform.headers).status_code == 415


def test_a_body_without_a_length_is_not_cut_off(platform: Platform) -> None:
    for padding, status in ((100, 200), (LARGEST_BODY, 413)):
        body = b'{"affiliate_sharing": false}' + b" " * padding
        answer = platform.http.patch(
            PRIVACY,
            input_stream=BytesIO(body),
            environ_overrides={"wsgi.input_terminated": True},
            headers=platform.headers,
            content_type="application/json",
        )
        assert answer.status_code == status


def test_a_body_that_cannot_be_read_is_a_problem(platform: Platform) -> None:
    json = "application/json"
    unreadable = [
        (b"{}", "text/plain", 415),
        (b"{}", None, 415),
        (b"{}", "application/vnd.other+json", 415),
        (b"", json, 400),
        (b"{", json, 400),
        (b'{"a": NaN}', json, 400),
        (b'"\\ud800"', json, 400),
        (b"[" * 5_000, json, 400),
        (b"\xff\xfe", json, 400),
        (b"{}" + b" " * LARGEST_BODY, json, 413),
    ]
    for body, content_type, status in unreadable:
        for method, path in (("PATCH", PRIVACY), ("POST", REQUESTS)):
            answer = platform.http.open(
                path, method=method, data=body, headers=platform.headers, content_type=content_type
            )
            assert (answer.status_code, answer.content_type) == (status, "application/problem+json"), body


def test_a_compressed_body_is_told_so(platform: Platform) -> None:
    """RFC 9110 §15.5.16."""
    packed = platform.headers | {"Content-Encoding": "gzip"}
    answer = platform.http.patch(PRIVACY, data=b"\x1f\x8b", headers=packed, content_type="application/json")
    plain = platform.headers | {"Content-Encoding": "identity"}

    assert (answer.status_code, answer.headers["Accept-Encoding"]) == (415, "identity")
    assert platform.http.patch(PRIVACY, json={}, headers=plain).status_code == 200


def test_a_merge_patch_is_no_request(platform: Platform) -> None:
    answer = platform.http.post(
        REQUESTS, data=b"{}", headers=platform.headers, content_type="application/merge-patch+json"
    )

    assert answer.status_code == 415


@pytest.mark.parametrize("path", ["/v1/platform/members/m%00/privacy", "/v1/platform/members/nobody/privacy"])
def test_settings_of_nobody_are_not_found(platform: Platform, path: str) -> None:
    assert platform.get(path).status_code == platform.patch({}, path).status_code == 404
    assert {(row.outcome, row.reason) for row in platform.records()} == {("not_found", "unknown")}


def test_once_an_erasure_has_begun_settings_are_not_found(platform: Platform) -> None:
    platform.ask("erasure", verified=True)

    assert platform.get(PRIVACY).status_code == platform.patch({"affiliate_sharing": True}).status_code == 404
    assert [(row.operation, row.reason) for row in platform.records()] == [
        ("requests.create", "erased"),
        ("privacy.read", "erased"),
        ("privacy.write", "erased"),
    ]


def test_reading_and_changing_settings_is_recorded_with_the_opt_out(platform: Platform) -> None:
    platform.get(PRIVACY)
    platform.patch({"affiliate_sharing": False})
    platform.patch({"mask_visibility": "private"})

    told = [(row.operation, row.outcome, row.status, row.reason, row.member_count) for row in platform.records()]
    assert told == [
        ("privacy.read", "released", 200, None, 1),
        ("privacy.write", "released", 200, "opted_out", 1),
        ("privacy.write", "released", 200, None, 1),
    ]
    assert {row.audience for row in platform.records()} == {"platform"}


def test_no_other_audience_or_scope_gets_near(http: FlaskClient, db: Database) -> None:
    narrow = access_token(http, add_caller(db, PartnerKind.PLATFORM, scopes=("events:write",)))
    webmaster = access_token(http, add_caller(db))

    for headers, status in (({}, 401), (bearer(narrow), 403), (bearer(webmaster), 403)):
        answers = [
            http.get(PRIVACY, headers=headers),
            http.patch(PRIVACY, json={}, headers=headers),
            http.get(REQUESTS, headers=headers),
            http.post(REQUESTS, json={"type": "erasure"}, headers=headers),
            http.get(f"{REQUESTS}/rrq_1", headers=headers),
            http.post(f"{REQUESTS}/rrq_1", json={"action": "verify"}, headers=headers),
        ]
        assert {answer.status_code for answer in answers} == {status}


def test_a_request_is_answered_with_where_it_stands(platform: Platform) -> None:
    answer = platform.post(REQUESTS, {"type": "access", "received_at": "2026-10-31T10:00:00+02:00", "purpose": "x"})

    document = answer.get_json()
    assert answer.status_code == 201
    assert document == {
        "id": document["id"],
        "type": "access",
        "status": "received",
        "via": "member",
        "authorization": None,
        "reason": None,
        "purpose": "x",
        "extension_reason": None,
        "refusal_reason": None,
        "received_at": "2026-10-31T08:00:00Z",
        "due_at": "2026-11-30T08:00:00Z",
        "verified_at": None,
        "notified_at": None,
        "extended_at": None,
        "closed_at": None,
        "extended": False,
    }
    assert platform.get(answer.headers["Location"]).get_json() == document
    assert platform.get(REQUESTS).get_json() == {"data": [document]}


def test_received_at_is_now_unless_it_is_told(platform: Platform) -> None:
    document = platform.get(platform.ask("know")).get_json()

    assert (document["received_at"], document["due_at"]) == ("2026-11-01T12:00:00Z", "2026-12-01T12:00:00Z")


def test_received_at_is_an_instant_that_has_been(platform: Platform) -> None:
    refused = (
        "2026-11-01T12:00:01Z",
        "2026-11-01",
        "yesterday",
        3,
        None,
        "1999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-11-01T12:00:00",
        "2026-02-30T00:00:00Z",
        "20261031T000000Z",
    )
    for received_at in refused:
        answer = platform.post(REQUESTS, {"type": "access", "received_at": received_at})
        assert faults(answer) == {("/received_at", "invalid_value")}, received_at
    assert platform.post(REQUESTS, {"type": "access", "received_at": "2026-11-01t12:00:00z"}).status_code == 201


def test_every_fault_of_a_request_is_named_at_once(platform: Platform) -> None:
    document = {
        "type": "forget",
        "verified": "true",
        "received_at": "2027-01-01T00:00:00Z",
        "via": "agent",
        "reason": " ",
        "status": "settled",
    }

    assert faults(platform.post(REQUESTS, document)) == {
        ("/type", "invalid_value"),
        ("/verified", "invalid_value"),
        ("/received_at", "invalid_value"),
        ("/authorization", "invalid_value"),
        ("/reason", "invalid_value"),
        ("/status", "unknown_parameter"),
    }
    assert faults(platform.post(REQUESTS, {})) == {("/type", "invalid_value")}


def test_an_agent_needs_a_written_authorization(platform: Platform) -> None:
    assert faults(platform.post(REQUESTS, {"type": "know", "via": "agent"})) == {("/authorization", "invalid_value")}
    document = platform.get(platform.ask("know", via="agent", authorization="letter of 1 October")).get_json()
    assert (document["via"], document["authorization"]) == ("agent", "letter of 1 October")


@pytest.mark.parametrize("action", ["extend", "refuse"])
def test_a_decision_against_the_member_needs_a_reason(platform: Platform, action: str) -> None:
    request = platform.ask("access")

    for reason in ({}, {"reason": None}, {"reason": ""}, {"reason": "  "}):
        assert faults(platform.post(request, {"action": action, **reason})) == {("/reason", "invalid_value")}
    assert platform.post(request, {"action": action, "reason": "twelve of them"}).status_code == 200


def test_a_refusal_names_the_supervisory_authority(platform: Platform) -> None:
    request = platform.ask("access")
    refused = platform.post(request, {"action": "refuse", "reason": "unfounded"}).get_json()

    assert (refused["status"], refused["refusal_reason"]) == ("refused", "unfounded")
    assert "CNPD" in refused["supervisory_authority"]["name"]
    assert platform.get(request).get_json() == refused


def test_an_extension_moves_the_due_date_to_sixty_days(platform: Platform) -> None:
    document = platform.post(platform.ask("access"), {"action": "extend", "reason": "many"}).get_json()

    assert (document["due_at"], document["extended"]) == ("2026-12-31T12:00:00Z", True)


def test_a_step_that_does_not_follow_is_a_conflict_that_says_why(platform: Platform) -> None:
    request = platform.ask("erasure")
    answer = platform.post(request, {"action": "settle"})

    assert (answer.status_code, answer.content_type) == (409, "application/problem+json")
    assert answer.get_json()["type"].endswith("#not-verified")
    record = platform.records()[-1]
    assert (record.operation, record.outcome, record.status) == ("requests.settle", "error", 409)


def test_a_third_know_says_from_when_one_is_possible(platform: Platform) -> None:
    platform.ask("know", received_at="2026-03-01T00:00:00Z")
    platform.ask("know")
    answer = platform.post(REQUESTS, {"type": "know"})

    assert answer.status_code == 409
    assert answer.get_json()["available_from"] == "2027-03-01T00:00:00Z"
    assert answer.get_json()["supervisory_authority"]["country"] == "LU"
    assert answer.get_json().keys() - PROBLEM["properties"].keys() == set()


def test_a_restriction_is_lifted_only_after_notice(platform: Platform) -> None:
    platform.ask("restriction", verified=True)
    refused = platform.post(REQUESTS, {"type": "lift_restriction", "verified": True})
    assert (refused.status_code, refused.get_json()["type"].rpartition("#")[2]) == (409, "notice-required")

    lift = platform.ask("lift_restriction")
    assert platform.post(lift, {"action": "verify"}).status_code == 409
    assert platform.post(lift, {"action": "notify"}).get_json()["notified_at"] == "2026-11-01T12:00:00Z"
    assert platform.post(lift, {"action": "verify"}).get_json()["status"] == "verified"
    with platform.db.write.connect() as connection:
        assert connection.execute(select(member.c.restricted)).scalar_one() is False


def test_a_refused_request_to_lift_leaves_nothing_behind(platform: Platform) -> None:
    platform.ask("restriction", verified=True)
    platform.post(REQUESTS, {"type": "lift_restriction", "verified": True})

    assert [entry["type"] for entry in platform.get(REQUESTS).get_json()["data"]] == ["restriction"]


def test_a_settled_erasure_says_what_stays_and_its_request_can_still_be_read(platform: Platform) -> None:
    request = platform.ask("erasure", verified=True)
    assert "kept" not in platform.get(request).get_json()
    settled = platform.post(request, {"action": "settle"})

    assert settled.get_json()["status"] == "settled"
    assert all(entry["what"] and entry["why"] for entry in settled.get_json()["kept"])
    with platform.db.write.connect() as connection:
        assert connection.execute(select(member)).all() == []
        about = connection.execute(select(access_subject.c.member)).scalars().all()
    assert len(about) == 3
    assert platform.get(request).get_json() == settled.get_json()
    assert platform.get(REQUESTS).status_code == 200
    assert platform.post(REQUESTS, {"type": "access"}).status_code == 404
    assert platform.post(request, {"action": "settle"}).status_code == 409


def test_requests_of_nobody_and_unknown_requests_are_not_found(platform: Platform) -> None:
    unknown = "/v1/platform/members/nobody/requests"

    answers = [
        platform.post(unknown, {"type": "access"}),
        platform.get(unknown),
        platform.get(f"{unknown}/rrq_1"),
        platform.post(f"{unknown}/rrq_1", {"action": "verify"}),
        platform.get(f"{REQUESTS}/rrq_%00"),
        platform.post(f"{REQUESTS}/rrq_1", {"action": "verify"}),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert {row.reason for row in platform.records()} == {"unknown"}


def test_a_member_erased_before_is_recorded_as_such(platform: Platform, keyring: Keyring) -> None:
    with platform.db.write.begin() as connection:
        carry_out(connection, connection.execute(select(member.c.number)).scalar_one(), keyring, NOW)

    assert platform.get(PRIVACY).status_code == 404
    assert platform.records()[-1].reason == "erased"


def test_steps_are_recorded_under_their_own_names_with_the_state_they_begin(platform: Platform) -> None:
    request = platform.ask("objection")
    for step in ({"action": "verify"}, {"action": "settle"}, {"action": "notify"}):
        platform.post(request, step)
    platform.get(request)

    told = [(row.operation, row.status, row.reason) for row in platform.records()]
    assert told == [
        ("requests.create", 201, None),
        ("requests.verify", 200, "objection"),
        ("requests.settle", 200, None),
        ("requests.notify", 200, None),
        ("requests.read", 200, None),
    ]


def test_a_step_that_begins_no_state_is_recorded_without_one(platform: Platform) -> None:
    objection, withdrawal = platform.ask("objection"), platform.ask("withdraw_objection")
    for request, action in ((objection, "verify"), (objection, "notify"), (withdrawal, "verify")):
        platform.post(request, {"action": action})

    told = [(row.operation, row.reason) for row in platform.records() if row.operation != "requests.create"]
    assert told == [("requests.verify", "objection"), ("requests.notify", None), ("requests.verify", None)]


def test_unknown_query_parameters_are_refused(platform: Platform) -> None:
    for answer in (
        platform.get(f"{PRIVACY}?x=1"),
        platform.patch({}, f"{PRIVACY}?x=1"),
        platform.get(f"{REQUESTS}?x=1"),
    ):
        assert answer.status_code == 422
        assert answer.get_json()["errors"][0]["parameter"] == "x"


def test_without_a_record_nothing_is_changed(platform: Platform) -> None:
    with platform.db.write.begin() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE NONE")
        connection.exec_driver_sql("ALTER TABLE access_log ADD CONSTRAINT jammed CHECK (operation <> 'privacy.write')")

    assert platform.patch({"affiliate_sharing": False}).status_code == 503
    assert platform.get(PRIVACY).get_json() == DEFAULTS


def test_every_choice_binds_the_webmasters_very_next_request(platform: Platform, http: FlaskClient) -> None:
    headers = bearer(access_token(http, add_caller(platform.db)))
    with platform.db.write.begin() as connection:
        webmaster = connection.execute(select(partner.c.number).where(partner.c.id == "w1")).scalar_one()
        connection.execute(member.update().values(webmaster=webmaster))

    def seen() -> int:
        return len(http.get("/v1/webmaster/members", headers=headers).get_json()["data"])

    hiding = [
        (lambda: platform.patch({"affiliate_sharing": False}), lambda: platform.patch({"affiliate_sharing": True})),
        (lambda: platform.patch({"service_consent": False}), lambda: platform.patch({"service_consent": True})),
        (
            lambda: platform.ask("objection", verified=True),
            lambda: platform.ask("withdraw_objection", verified=True),
        ),
        (
            lambda: platform.post(platform.ask("restriction", verified=True), {"action": "notify"}),
            lambda: platform.ask("lift_restriction", verified=True),
        ),
    ]
    assert seen() == 1
    for hide, show in hiding:
        hide()
        assert seen() == 0
        show()
        assert seen() == 1
    erasure = platform.ask("erasure", verified=True)
    assert seen() == 0
    platform.post(erasure, {"action": "refuse", "reason": "a contract is pending"})
    assert seen() == 1


def test_a_hidden_item_is_gone_from_the_card_on_the_very_next_request(platform: Platform, http: FlaskClient) -> None:
    headers = bearer(model_token(http, platform.db, add_caller(platform.db, PartnerKind.MODEL_CENTER)))
    with platform.db.write.begin() as connection:
        connection.execute(profile.update().values(age=34))
        number = connection.execute(select(member.c.number)).scalar_one()
        add_relation(connection, connection.execute(select(model.c.number)).scalar_one(), number)

    def age() -> int | None:
        card: dict[str, Any] = http.get("/v1/model/members/user_m1", headers=headers).get_json()["data"]
        return card["profile"]["age"]  # type: ignore[no-any-return]

    assert age() == 34
    platform.patch({"profile_item_visibility": {"age": "private"}})
    assert age() is None
    platform.patch({"profile_item_visibility": {"age": None}})
    assert age() == 34
    platform.patch({"profile_visibility": "private"})
    assert age() is None
