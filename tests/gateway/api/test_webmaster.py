"""What webmasters pull: rows, pages, filters, refs, and the one 404."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from partners.postgres.database import Database
from partners.tables.member import member
from partners.vocabulary import PartnerKind
from tests.callers import Caller, access_token, add_caller, bearer
from tests.conftest import NOW
from tests.factories import REGISTERED_AT, add_campaign, add_device, add_member, add_purchase


@dataclass
class Webmaster:
    """A webmaster with a token, over HTTP."""

    http: FlaskClient
    caller: Caller
    number: int
    campaign: int
    headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = bearer(access_token(self.http, self.caller))

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.http.get(f"/v1/webmaster{path}", query_string=query, headers=self.headers)

    def rows(self, **query: Any) -> list[dict[str, Any]]:
        answer = self.get("/members", **query)
        assert answer.status_code == 200, answer.get_json()
        rows: list[dict[str, Any]] = answer.get_json()["data"]
        return rows

    def member(self, db: Database, id: str, **columns: Any) -> int:
        with db.write.begin() as connection:
            return add_member(connection, id, **{"webmaster": self.number, "campaign": self.campaign} | columns)


def webmaster(db: Database, http: FlaskClient, name: str) -> Webmaster:
    caller = add_caller(db, PartnerKind.WEBMASTER, name)
    with db.write.begin() as connection:
        from partners.access_log.search import partner_number  # noqa: PLC0415

        number = partner_number(connection, name)
        assert number is not None
        return Webmaster(http, caller, number, add_campaign(connection, number))


@pytest.fixture
def w1(db: Database, http: FlaskClient) -> Webmaster:
    return webmaster(db, http, "w1")


@pytest.fixture
def w2(db: Database, http: FlaskClient) -> Webmaster:
    return webmaster(db, http, "w2")


def change(db: Database, number: int, **columns: Any) -> None:
    with db.write.begin() as connection:
        connection.execute(update(member).where(member.c.number == number).values(**columns))


def test_a_row_has_six_things_a_ref_and_the_referral(db: Database, w1: Webmaster) -> None:
    number = w1.member(db, "m1", username="night_owl", sub1="banner-7")
    with db.write.begin() as connection:
        add_device(connection, number, seen_at=NOW - timedelta(days=2))
        add_purchase(connection, number, "p1", credits=60, amount=2940)
        add_purchase(connection, number, "p2", credits=70, amount=2966, at=NOW - timedelta(days=1))

    row = w1.rows()[0]

    assert row.pop("ref").startswith("mbr_")
    assert row == {
        "username": "night_owl",
        "registration_date": "2026-10-01",
        "site": "main",
        "country": "LU",
        "device": {"type": "mobile", "os": "iOS", "browser": "Mobile Safari"},
        "credit_purchases": {
            "count": 2,
            "credits": 130,
            "first_at": "2026-10-20T20:15:00Z",
            "last_at": "2026-10-31T12:00:00Z",
            "amounts": [{"currency": "EUR", "amount": "59.06"}],
        },
        "referral": {"campaign": "spring", "sub1": "banner-7", "sub2": None, "sub3": None, "sub4": None, "sub5": None},
    }


def test_nobody_s_purchases_are_zero_and_nobody_s_device_is_null(db: Database, w1: Webmaster) -> None:
    w1.member(db, "m1")

    row = w1.rows()[0]

    assert row["device"] is None
    assert row["credit_purchases"] == {"count": 0, "credits": 0, "first_at": None, "last_at": None, "amounts": []}


def test_a_single_row_equals_the_listed_one(db: Database, w1: Webmaster) -> None:
    w1.member(db, "m1")
    row = w1.rows()[0]

    answer = w1.get(f"/members/{row['ref']}")

    assert answer.status_code == 200
    assert answer.get_json()["data"] == row


def test_pages_walk_through_all_members_once_newest_first(db: Database, w1: Webmaster) -> None:
    for day in range(7):
        w1.member(db, f"m{day}", registered_at=REGISTERED_AT + timedelta(days=day // 2))

    seen, cursor = [], None
    while True:
        answer = w1.get("/members", limit=2, **({"cursor": cursor} if cursor else {})).get_json()
        seen += [row["username"] for row in answer["data"]]
        cursor = answer["page"]["next_cursor"]
        if not answer["page"]["has_more"]:
            break

    assert cursor is None
    assert seen == [f"user_m{day}" for day in (6, 5, 4, 3, 2, 1, 0)]
    assert [row["username"] for row in w1.rows(sort="registration_date")] == seen[::-1]


def test_filters(db: Database, w1: Webmaster) -> None:
    w1.member(db, "m1", site="main", country="LU", registered_at=REGISTERED_AT)
    w1.member(db, "m2", site="mobile", country="FR", registered_at=REGISTERED_AT + timedelta(days=3))
    w1.member(db, "m3", site="mobile", country="LU", campaign=None)
    for place, instant in enumerate(("2026-09-10T00:00:00Z", "2026-09-10T23:59:59.999999Z", "2026-09-11T00:00:00Z")):
        w1.member(db, f"n{place}", site="tv", campaign=None, registered_at=datetime.fromisoformat(instant))

    def usernames(**query: Any) -> set[str]:
        return {row["username"] for row in w1.rows(**query)}

    assert usernames(site="mobile") == {"user_m2", "user_m3"}
    assert usernames(site="mobile", country="LU") == {"user_m3"}
    assert usernames(campaign="spring") == {"user_m1", "user_m2"}
    assert usernames(campaign="nobody-s") == set()
    assert usernames(registered_from="2026-10-04") == {"user_m2"}
    assert usernames(registered_from="2026-10-01", registered_to="2026-10-01") == {"user_m1", "user_m3"}
    assert usernames(registered_from="2026-09-10", registered_to="2026-09-10") == {"user_n0", "user_n1"}


def test_a_day_in_another_form_is_told_the_right_one(w1: Webmaster) -> None:
    (fault,) = w1.get("/members", registered_from="20260201").get_json()["errors"]

    assert (fault["parameter"], fault["detail"]) == ("registered_from", "A day such as `2026-10-01`.")


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ({"limit": "0"}, {"limit": "invalid_value"}),
        ({"limit": "201"}, {"limit": "invalid_value"}),
        ({"limit": "many"}, {"limit": "invalid_value"}),
        *(({"limit": limit}, {"limit": "invalid_value"}) for limit in ("+5", " 5", "\u0665", "5.0", "1_0")),
        *(({"registered_to": day}, {"registered_to": "invalid_value"}) for day in ("20260101", "2026-W01-1")),
        ({"sort": "username"}, {"sort": "invalid_value"}),
        ({"city": "Esch"}, {"city": "unknown_parameter"}),
        ({"country": "lux"}, {"country": "invalid_value"}),
        ({"registered_from": "yesterday"}, {"registered_from": "invalid_value"}),
        ({"registered_from": "2026-02-02", "registered_to": "2026-02-01"}, {"registered_to": "invalid_value"}),
        ({"cursor": "AAAA"}, {"cursor": "invalid_cursor"}),
        ({"cursor": "é"}, {"cursor": "invalid_cursor"}),
        ({"cursor": "zz", "limit": "0"}, {"cursor": "invalid_cursor", "limit": "invalid_value"}),
        ({"cursor": "", "limit": "0"}, {"cursor": "invalid_value", "limit": "invalid_value"}),
        ({"username": "night_owl", "device": "mobile"}, dict.fromkeys(["username", "device"], "unknown_parameter")),
        (
            {"limit": "x", "sort": "y", "z": "1"},
            {"limit": "invalid_value", "sort": "invalid_value", "z": "unknown_parameter"},
        ),
        ({"site": ["main", "mobile"], "limit": "x"}, {"site": "repeated_parameter", "limit": "invalid_value"}),
    ],
)  # fmt: skip
def test_bad_queries_are_refused_with_all_faults_at_once(
    w1: Webmaster, query: dict[str, Any], faults: dict[str, str]
) -> None:
    answer = w1.get("/members", **query)

    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert {fault["parameter"]: fault["code"] for fault in answer.get_json()["errors"]} == faults


def test_a_cursor_is_bound_to_its_client_and_query(db: Database, w1: Webmaster, w2: Webmaster) -> None:
    for place in range(3):
        w1.member(db, f"m{place}")
    cursor = w1.get("/members", limit=1).get_json()["page"]["next_cursor"]

    assert w1.get("/members", limit=2, cursor=cursor).status_code == 200
    assert w1.get("/members", limit=1, cursor=cursor, site="main").status_code == 422
    assert w1.get("/members", limit=1, cursor=cursor, sort="registration_date").status_code == 422
    assert w2.get("/members", limit=1, cursor=cursor).status_code == 422
    flipped = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    assert w1.get("/members", limit=1, cursor=flipped).status_code == 422


def test_refs_differ_by_partner_and_stay(db: Database, w1: Webmaster, w2: Webmaster) -> None:
    """R3: two partners cannot join on what they hold."""
    number = w1.member(db, "m1")
    first = w1.rows()[0]["ref"]
    again = w1.rows()[0]["ref"]
    change(db, number, webmaster=w2.number, campaign=None)

    assert first == again
    assert w2.rows()[0]["ref"] != first


ABSENT = {
    "not_referred": {"webmaster": None, "campaign": None},
    "erased": {"erased": True},
    "restricted": {"restricted": True},
    "consent_withdrawn": {"service_consent": False},
    "objection": {"objecting": True},
    "opted_out": {"affiliate_sharing": False},
}


def without_ids(answer: TestResponse) -> tuple[int, dict[str, str], bytes]:
    """An answer but for its request id, date and limit headers."""
    request_id = answer.headers["X-Request-Id"]
    own = {"X-Request-Id", "Date", "RateLimit", "RateLimit-Policy"}
    headers = {name: value for name, value in answer.headers.items() if name not in own}
    return answer.status_code, headers, answer.data.replace(request_id.encode(), b"")


def test_every_absence_is_the_same_404(db: Database, w1: Webmaster, w2: Webmaster) -> None:
    """R3, R61: a stranger's, an opted-out, a restricted, an erased and an unknown member look alike."""
    number = w1.member(db, "m1")
    ref = w1.rows()[0]["ref"]
    w2.member(db, "m2")
    unknown = without_ids(w1.get("/members/mbr_AAAAAAAAAAAAAAAAAAAAAA"))
    foreign = without_ids(w1.get(f"/members/{w2.rows()[0]['ref']}"))

    seen = {}
    for reason, columns in ABSENT.items():
        change(db, number, **columns)
        seen[reason] = without_ids(w1.get(f"/members/{ref}"))
        assert w1.rows() == []
        change(db, number, webmaster=w1.number, campaign=w1.campaign, erased=False, restricted=False,
               service_consent=True, objecting=False, affiliate_sharing=True)  # fmt: skip

    assert unknown[0] == 404
    assert all(answer == unknown for answer in (foreign, *seen.values()))
    assert len(w1.rows()) == 1


def test_an_identifying_username_is_null_like_none(db: Database, w1: Webmaster) -> None:
    """R9."""
    w1.member(db, "m1", username="owl@example.com", username_harmless=False)

    answer = w1.get("/members")

    assert answer.get_json()["data"][0]["username"] is None
    assert b"owl@example" not in answer.data


def test_members_that_differ_in_withheld_state_alone_give_the_same_bytes(db: Database, w1: Webmaster) -> None:
    """R61: a lapsed device, another lapsed device and none at all; an identifying username and another."""
    number = w1.member(db, "m1", username="one@example.com", username_harmless=False)
    long_ago = NOW - timedelta(days=300)
    states: list[dict[str, Any]] = [
        {"device_type": None, "device_os": None, "device_browser": None},
        {"device_type": "mobile", "device_os": "iOS", "device_browser": "Safari", "device_seen_at": long_ago},
        {"device_type": "desktop", "device_os": "Linux", "device_browser": "Firefox", "device_seen_at": long_ago},
        {"username": "two@example.com", "mask": "gold", "profile_visibility": "private", "regular_payer": True},
    ]
    change(db, number, device_seen_at=long_ago)
    with db.write.begin() as connection:
        from tests.factories import set_usage_clock  # noqa: PLC0415

        set_usage_clock(connection, number, usage_clock_at=long_ago)

    pages, singles = set(), set()
    for state in states:
        change(db, number, **state)
        pages.add(str(without_ids(w1.get("/members", limit=1))))
        singles.add(str(without_ids(w1.get(f"/members/{w1.rows()[0]['ref']}"))))

    assert len(pages) == 1
    assert len(singles) == 1


def test_the_etag_is_over_the_filtered_body_and_a_304_is_a_release(db: Database, w1: Webmaster) -> None:
    w1.member(db, "m1")
    first = w1.get("/members")

    again = w1.http.get("/v1/webmaster/members", headers=w1.headers | {"If-None-Match": first.headers["ETag"]})

    assert first.headers["Cache-Control"] == "private, no-cache"
    assert again.status_code == 304
    assert again.data == b""


def test_campaigns_are_the_webmaster_s_own(w1: Webmaster, w2: Webmaster) -> None:
    answer = w1.get("/campaigns")

    assert answer.status_code == 200
    assert answer.get_json()["data"] == [{"code": "spring", "name": "Spring"}]
    assert w2.get("/campaigns").get_json()["data"] == [{"code": "spring", "name": "Spring"}]


def test_no_webmaster_path_takes_a_write(app: Flask, w1: Webmaster) -> None:
    """R5."""
    paths = {rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/v1/webmaster")}
    for path, method in product(paths, ("POST", "PUT", "PATCH", "DELETE")):
        answer = w1.http.open(path.replace("<ref>", "mbr_x"), method=method, headers=w1.headers)

        assert answer.status_code == 405, (method, path)
        assert answer.content_type == "application/problem+json"
    assert {"/v1/webmaster/members/<ref>", "/v1/webmaster/purchases"} < paths
