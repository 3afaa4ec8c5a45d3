"""The search of the log: what each qualifier finds, over HTTP and in the console, and what is no search."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from partners.registry.acts import Act, note
from tests.gateway.console.conftest import CASE, House


def found(house: House, query: str) -> list[str]:
    """Audience and operation of what is found, newest first, but for the auditors' own looks and the tokens."""
    answer = house.app.test_client().get("/v1/audit/accesses", query_string={"q": query}, headers=house.auditor)
    assert answer.status_code == 200, answer.get_json()
    entries: list[dict[str, Any]] = answer.get_json()["data"]
    names = (f"{entry['audience']} {entry['operation']}" for entry in entries)
    return [name for name in names if not name.startswith(("auditor", "None")) and "oauth" not in name]


def test_what_operators_did_is_found(house: House) -> None:
    with house.db.write.begin() as connection:
        act = Act("oauth.partners.limit", partner="w1")
        note(connection, act, operator="root", now=datetime.now(UTC))

    def operations(query: str) -> list[str]:
        answer = house.app.test_client().get("/v1/audit/accesses", query_string={"q": query}, headers=house.auditor)
        return [entry["operation"] for entry in answer.get_json()["data"]]

    for query in ('client:"operator:root"', "operation:oauth.partners.limit", "operation:oauth.partners.*"):
        assert operations(query) == ["oauth.partners.limit"]


LISTED, MISSED, OPENED, DENIED = (
    "webmaster members.list",
    "webmaster members.get",
    "model_center card.get",
    "model_center members.list",
)
ALL = [DENIED, OPENED, MISSED, LISTED]


@pytest.mark.parametrize(
    ("query", "operations"),
    [
        ("partner:w1", [MISSED, LISTED]),
        ("partner:w1,model_center -operation:oauth.*", ALL),
        ("-partner:w1 -audience:auditor", [DENIED, OPENED]),
        ("model:mdl-2", [DENIED, OPENED]),
        ("member:m1", [OPENED, LISTED]),
        ("member:m1,m2 audience:webmaster", [LISTED]),
        ("member:m2", [LISTED]),
        ("-member:m1 partner:w1", [MISSED]),
        ("member:nobody", []),
        ("field:username", [OPENED, LISTED]),
        ("field:mask", []),
        ("-field:username partner:w1", [MISSED]),
        ("field:mask reason:visibility_private", [OPENED]),
        ("field:mask,username reason:visibility_private,username_identifying", [OPENED, LISTED]),
        ("field:mask reason:opted_out", []),
        ("reason:username_identifying", [LISTED]),
        ("reason:unknown", [MISSED]),
        ("-reason:unknown partner:w1", [LISTED]),
        ("outcome:denied,not_found", [DENIED, MISSED]),
        ("operation:card.*", [OPENED]),
        ("operation:card.get", [OPENED]),
        ("purpose:campaigns", [DENIED, MISSED, LISTED]),
        ("ip:192.0.2.7", [DENIED]),
        ("ip:192.0.2.0/24", [DENIED]),
        ("-ip:127.0.0.0/8 audience:model_center", [DENIED]),
        ("at:2000", []),
        ("at:>=2000-01-01 partner:w1", [MISSED, LISTED]),
        ("-at:>2000 partner:w1", []),
        ("case:SEC-0", []),
    ],
)
def test_each_qualifier_finds_what_it_says(house: House, query: str, operations: list[str]) -> None:
    assert found(house, query) == operations


def test_a_request_and_a_reference_are_found(house: House) -> None:
    answer = house.w1.get("/members")
    request, ref = answer.headers["X-Request-Id"], answer.get_json()["data"][0]["ref"]

    assert found(house, f"request_id:{request}") == [LISTED]
    assert found(house, f"partner:w1 -request_id:{request}") == [MISSED, LISTED]
    assert found(house, f"partner:w1 ref:{ref}") == [LISTED, LISTED]
    assert found(house, "partner:w1 ref:mbr_AAAAAAAAAAAAAAAAAAAAAA") == []


def test_terms_narrow_what_the_parameters_ask_for(house: House) -> None:
    asked = {"partner": "w1", "q": "outcome:not_found"}
    answer = house.app.test_client().get("/v1/audit/accesses", query_string=asked, headers=house.auditor)

    assert [entry["operation"] for entry in answer.get_json()["data"]] == ["members.get"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("partner:w2", "There is no partner “w2”. Did you mean “w1”?"),
        ("client:cl_1", "There is no client or person “cl_1”"),
        ("model:mdl-9", "There is no model “mdl-9”. Did you mean “mdl-"),
        ("field:masc", "There is no field “masc”. Did you mean “mask”?"),
        ("reason:opted-out", "There is no reason “opted-out”. Did you mean “opted_out”?"),
        ("field:mask reason:x", "There is no reason “x”."),
        ("outcome:refused", "There is no outcome “refused”. Did you mean “released”?"),
        ("operation:card.got", "There is no operation “card.got”. Did you mean “card.get”?"),
        ("operation:cart.*", "There is no operation “cart.*”."),
        ("audience:model", "There is no audience “model”. Did you mean “model_center”?"),
        ("purpose:fun", "There is no purpose “fun”. There is: campaigns"),
        ("ip:fe80::1%eth0", "“fe80::1%eth0” is neither an address nor a network"),
        ("ip:127.0.0.300", "“127.0.0.300” is neither an address nor a network"),
        ("at:yesterday", "“yesterday” is no time: a date such as 2026-10-01"),
        ("case:two", "“two” is not the number of a case"),
        ("request_id:req_1", "“req_1” is not the id of a request"),
        ("ref:mbr_x", "A ref means something for its partner alone"),
        ("partner:w1,model_center ref:mbr_x", "A ref means something for its partner alone"),
        ("partner:w1,w2 ref:mbr_x", "There is no partner “w2”"),
    ],
)
def test_an_unknown_value_is_a_mistake_with_a_suggestion(house: House, query: str, said: str) -> None:
    answer = house.app.test_client().get("/v1/audit/accesses", query_string={"q": query}, headers=house.auditor)

    assert answer.status_code == 422
    faults = answer.get_json()["errors"]
    assert {(fault["code"], fault["parameter"]) for fault in faults} == {("invalid_search", "q")}
    assert said in " ".join(fault["detail"] for fault in faults)


def test_a_value_that_there_is_not_is_a_mistake_in_a_plain_parameter_too(house: House) -> None:
    """An empty list would be taken for the answer that nothing happened."""
    asked = {"operation": "card.gte", "partner": "w9", "client": "cl_none", "model": "mdl-9", "q": "operation:card.got"}

    for path in ("accesses", "export"):
        answer = house.app.test_client().get(f"/v1/audit/{path}", query_string=asked, headers=house.auditor)

        assert answer.status_code == 422
        faults = {fault["parameter"]: (fault["code"], fault["detail"]) for fault in answer.get_json()["errors"]}
        assert faults.keys() == asked.keys()
        assert faults["operation"] == ("invalid_value", "There is no operation “card.gte”. Did you mean “card.get”?")
        assert faults["q"] == ("invalid_search", "There is no operation “card.got”. Did you mean “card.get”?")


def test_a_tool_may_say_for_which_case_it_looks(house: House) -> None:
    told = {"Case-Number": "SEC-7", "Case-Purpose": "complaint"}
    http = house.app.test_client()
    http.get("/v1/audit/accesses", query_string={"member": "m1", "limit": 1}, headers=house.auditor | told)
    looked = house.newest("audit.search")
    http.get("/v1/audit/accesses", query_string={"member": "m1", "limit": 1}, headers=house.auditor)

    assert (looked.case_number, looked.case_purpose, looked.member_count) == ("SEC-7", "complaint", 1)
    assert (house.newest("audit.search").case_number, house.newest("audit.search").member_count) == (None, 0)
    by_case = http.get("/v1/audit/accesses", query_string={"q": "case:SEC-7"}, headers=house.auditor).get_json()["data"]
    assert [(entry["operation"], entry["members"]) for entry in by_case] == [("audit.search", ["m1"])]


@pytest.mark.parametrize("query", ["member:m1", "-member:m1", "-member:m1,m3 member:m1"])
def test_who_leaves_a_member_out_looks_at_them_too(house: House, query: str) -> None:
    house.look(f"/console/search?q={query}")

    assert house.newest("audit.search").member_count == len(set(re.findall("m[13]", query)))


@pytest.mark.parametrize(
    ("query", "about"),
    [("member:m1", 1), ("member:m1,m2", 2), ("-member:m1 partner:w1", 1), ("partner:w1", 0), ("partner:w1 ref:{}", 1)],
)
def test_a_look_for_a_case_says_about_whom_its_search_asked(house: House, query: str, about: int) -> None:
    told = {"Case-Number": "SEC-7", "Case-Purpose": "complaint"}
    asked = {"q": query.format(house.w1.rows()[0]["ref"]), "limit": 1}
    house.app.test_client().get("/v1/audit/accesses", query_string=asked, headers=house.auditor | told)

    assert house.newest("audit.search").member_count == about


@pytest.mark.parametrize(
    "told",
    [
        {"Case-Number": "SEC-7"},
        {"Case-Purpose": "complaint"},
        {"Case-Number": "Jane Doe 1", "Case-Purpose": "complaint"},
        {"Case-Number": "SEC", "Case-Purpose": "complaint"},
        {"Case-Number": "SEC-7", "Case-Purpose": "curiosity"},
    ],
)
def test_half_a_case_is_none(house: House, told: dict[str, str]) -> None:
    answer = house.app.test_client().get("/v1/audit/accesses?limit=1", headers=house.auditor | told)

    assert answer.status_code == 422
    assert [fault["code"] for fault in answer.get_json()["errors"]] == ["invalid_case"]


def test_the_case_is_sealed_with_the_record_and_verified(house: House) -> None:
    told = {"Case-Number": "SEC-8", "Case-Purpose": "authority"}
    house.app.test_client().get("/v1/audit/accesses?limit=1", headers=house.auditor | told)
    house.log.seal()

    leaf = json.loads(house.log.sql("SELECT leaf FROM access_log WHERE case_number = 'SEC-8'")[0].leaf)
    without = json.loads(house.log.sql("SELECT leaf FROM access_log WHERE case_number IS NULL")[0].leaf)

    assert (leaf["case_number"], leaf["case_purpose"]) == ("SEC-8", "authority")
    assert leaf.keys() - without.keys() == {"case_number", "case_purpose"}
    assert house.log.verify() == []


def test_the_console_finds_the_same(house: House) -> None:
    page = house.look("/console/search?q=operation:card.get")

    assert ">card.get</a>" in page
    assert ">members.list</a>" not in page


def test_the_console_names_nobody_without_a_case(house: House) -> None:
    address = "/console/search?q=operation:card.get"

    assert "member=m1" not in house.look(address, case=None)
    assert "member=m1" in house.look(address)


def test_the_console_names_every_mistake(house: House) -> None:
    answer = house.browser().get("/console/search", query_string={"q": "parnter:w1 outcome:denied bogus"})
    page = answer.get_data(as_text=True)

    assert answer.status_code == 400
    assert "Did you mean “partner”?" in page
    assert "“bogus” stands without a qualifier" in page
    assert 'value="parnter:w1 outcome:denied bogus"' in page


@pytest.mark.parametrize("query", ["partner:x", "model:mdl", "client:cl_x", "bogus"])
def test_a_search_that_cannot_be_read_is_a_look_too(house: House, query: str) -> None:
    house.look("/console/search?q=partner:w1")
    answer = house.browser(case=CASE).get("/console/search", query_string={"q": query})
    looked = house.newest("audit.search")

    assert answer.status_code == 400
    assert (looked.client, looked.outcome, looked.case_number) == (house.person.id, "denied", CASE.number)


def test_pages_of_results_go_on_where_the_last_ended(house: House) -> None:
    for _ in range(51):
        house.w1.get("/campaigns")
    query = "/console/search?q=operation:campaigns.list"
    browser = house.browser(case=CASE)
    first = browser.get(query).get_data(as_text=True)
    older = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    second = browser.get(older).get_data(as_text=True)

    assert (first.count('<th scope="row"'), second.count('<th scope="row"')) == (50, 1)
    assert "Older entries" not in second.partition("</table>")[2]
    assert house.browser().get(older.replace("campaigns", "members")).status_code == 422


def test_the_id_of_an_entry_leads_to_it(house: House) -> None:
    answer = house.browser().get("/console/search?q=acc_" + "0" * 12 + "7" + "0" * 3 + "8" + "0" * 15)

    assert answer.headers["Location"].startswith("/console/entries/acc_")
