"""Searches that are saved, and those that never are; exports, on record before their first line."""

import csv
import io
import json
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gateway.http.streaming import BrokenStreamError
from partners.people import accounts
from serializers.search import searches
from tests.gateway.console.conftest import CASE, House
from tests.gateway.console.test_looks import FORM_TOKEN


def post(browser: FlaskClient, path: str, **form: str) -> TestResponse:
    """Send a form of the console's."""
    token = FORM_TOKEN.search(browser.get("/console/search").get_data(as_text=True))
    assert token is not None
    return browser.post(path, data={"form_token": token[1]} | form)


def test_a_saved_search_is_everybody_s_and_replaces_one_of_its_name(house: House) -> None:
    ines, kim = house.browser(), house.browser(house.invite("auditor", "kim"))

    assert post(ines, "/console/saved", name=" Our  denials ", q="outcome:denied").status_code == 303
    assert post(kim, "/console/saved", name="Our denials", q="outcome:denied,limited").status_code == 303
    page = kim.get("/console/saved").get_data(as_text=True)

    assert page.count("<code>outcome:denied") == 1
    assert "outcome%3Adenied%2Climited" in page
    assert "by kim" in page
    number = re.search(r'name="number" value="(\d+)"', page)
    assert number is not None
    assert post(ines, "/console/saved/delete", number=number[1]).status_code == 303
    assert post(ines, "/console/saved/delete", number=number[1]).status_code == 404
    assert "Nothing is saved yet" in ines.get("/console/saved").get_data(as_text=True)


def test_a_search_that_finds_nothing_is_saved_and_exported_too(house: House) -> None:
    page = house.look("/console/search?q=outcome:denied+at:2001")

    assert "Nothing found" in page
    assert 'action="/console/export"' in page
    assert 'action="/console/saved"' in page
    unread = house.browser(case=CASE).get("/console/search?q=outcom:denied").get_data(as_text=True)
    assert "/console/export" not in unread
    assert 'action="/console/saved"' not in unread


@pytest.mark.parametrize(
    ("name", "query", "said"),
    [
        ("Night owl", "member:m1", "about one member"),
        ("Night owl", "-ref:mbr_x partner:w1", "about one member"),
        ("", "outcome:denied", "A name has 1 to 80"),
        ("x" * 81, "outcome:denied", "A name has 1 to 80"),
        ("Nothing", " ", "asks for nothing"),
        ("Typo", "outcom:denied", "Did you mean “outcome”?"),
    ],
)
def test_what_is_not_saved(house: House, name: str, query: str, said: str) -> None:
    answer = post(house.browser(), "/console/saved", name=name, q=query)

    assert answer.status_code == 400
    assert said in answer.get_data(as_text=True)


def test_forms_of_other_sites_change_nothing(house: House) -> None:
    form = {"name": "x", "q": "outcome:denied", "number": "1", "format": "csv"}
    rules = [rule for rule in house.app.url_map.iter_rules() if "POST" in (rule.methods or ())]
    paths = {rule.rule for rule in rules if rule.rule.startswith("/console/")}

    for path in paths:
        answer = house.browser(case=CASE).post(path.replace("<alert_id>", "alr_x"), data=form)

        assert answer.status_code == 400, path
        assert "This form has expired" in answer.get_data(as_text=True), path
    assert {"/console/saved", "/console/export", "/console/alerts/<alert_id>/close"} < paths


def export(house: House, form: str, query: str = "partner:w1 -operation:oauth.*") -> TestResponse:
    return post(house.browser(case=CASE), "/console/export", format=form, q=query)


def test_an_export_is_the_search_as_lines_and_on_record(house: House) -> None:
    house.w1.get("/campaigns")
    answer = export(house, "ndjson")
    *rows, end = map(json.loads, answer.data.splitlines())
    operations: list[Any] = [row["operation"] for row in rows]

    assert operations[0] == "campaigns.list"
    assert set(operations) == {"campaigns.list", "members.get", "members.list"}
    assert end == {"end": True, "rows": len(rows)}
    assert re.fullmatch(r'attachment; filename="access-log-[\dT-]+Z.ndjson"', answer.headers["Content-Disposition"])
    looked = house.newest("audit.export")
    assert (looked.client, looked.case_number, looked.outcome) == (house.person.id, CASE.number, "released")
    assert export(house, "ndjson", "member:m1").data
    assert house.newest("audit.export").member_count == 1


def test_other_formats(house: House) -> None:
    table = list(csv.DictReader(io.StringIO(export(house, "csv").get_data(as_text=True))))
    events = [json.loads(line) for line in export(house, "ocsf").data.splitlines()]

    assert [row["operation"] for row in table] == [event["api"]["operation"] for event in events]
    assert {event["class_uid"] for event in events} == {6003}


@pytest.mark.parametrize(("form", "query"), [("pdf", ""), ("csv", "outcom:denied"), ("csv", "partner:x")])
def test_what_cannot_be_exported(house: House, form: str, query: str) -> None:
    assert export(house, "csv").data
    assert export(house, form, query).status_code == 400
    assert house.newest("audit.export").outcome == ("denied" if query else "released")


def test_an_export_needs_a_case(house: House) -> None:
    answer = post(house.browser(), "/console/export", format="csv", q="")

    assert answer.headers["Location"] == "/console/case"


def test_a_suspension_cuts_what_is_under_way(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "CHUNK_ROWS", 1)
    person = house.invite("auditor", "leo")
    answer = post(house.browser(person, CASE), "/console/export", format="csv", q="")
    lines = iter(answer.response)
    next(lines)
    with house.db.write.begin() as connection:
        accounts.suspend(connection, "leo")

    with pytest.raises(BrokenStreamError):
        list(lines)
    assert house.newest("audit.export").outcome == "error"
