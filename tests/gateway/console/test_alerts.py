"""Alerts in the console: found by state, looked at with their evidence, taken up and closed on record."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert, select

from partners.access_log.identifiers import new_id, public
from partners.detections.alerts import PREFIX, lower
from partners.tables.access import access_log
from partners.tables.detections import alert
from partners.vocabulary import Detection, Tier
from tests.gateway.console.conftest import CASE, House
from tests.gateway.console.test_overview import cells
from tests.gateway.console.test_saved_and_exported import post
from tests.partners.access_log.logs import access


def raised(house: House, summary: str) -> str:
    """An alert about w1 with one record as evidence; returns its public id."""
    now = datetime.now(UTC)
    with house.db.write.begin() as connection:
        evidence = connection.execute(select(access_log.c.id).where(access_log.c.partner == "w1").limit(1)).scalar_one()
        identifier = new_id(now)
        connection.execute(
            insert(alert).values(
                id=identifier, rule=Detection.VOLUME, tier=Tier.PAGE, partner="w1", since=now - timedelta(days=1),
                until=now, raised_at=now, summary=summary, measured=900.0, threshold=61.5, figures={"median": 40},
                evidence=[evidence], evidence_count=7, request_id="req_1",
            )
        )  # fmt: skip
    return public(PREFIX, identifier)


def test_an_alert_is_looked_at_taken_up_and_closed(house: House) -> None:
    identifier = raised(house, "w1 got at 900 members <in a day>")
    browser = house.browser(case=CASE)
    assert f"/console/alerts/{identifier}" in browser.get("/console/alerts").get_data(as_text=True)
    page = browser.get(f"/console/alerts/{identifier}").get_data(as_text=True)

    assert "w1 got at 900 members &lt;in a day&gt;</h1>" in page
    assert "<strong>900</strong>, where 61.5" in page
    assert "/console/entries/acc_" in page
    assert "Of 7 in all" in page
    assert post(browser, f"/console/alerts/{identifier}/acknowledge").status_code == 303
    assert house.newest("audit.acknowledge").case_number == CASE.number
    closed = post(browser, f"/console/alerts/{identifier}/close", note="A migration", ending="closed")
    assert closed.status_code == 303
    assert "by ines" in browser.get(f"/console/alerts/{identifier}").get_data(as_text=True)
    assert post(browser, f"/console/alerts/{identifier}/close", note="Again").status_code == 409
    assert identifier not in browser.get("/console/alerts").get_data(as_text=True)
    assert identifier in browser.get("/console/alerts?state=closed").get_data(as_text=True)
    assert house.newest("audit.close").client == house.person.id


def test_floors_stand_beside_the_alerts_until_they_are_ended(house: House) -> None:
    identifier = raised(house, "w1 once more")
    browser = house.browser()
    post(browser, f"/console/alerts/{identifier}/close", note="A migration", ending="false_positive")

    assert cells(browser.get("/console/alerts").get_data(as_text=True), "volume")[:2] == ["w1", "1125"]
    with house.db.write.begin() as connection:
        lower(connection, identifier, access=access(operation="audit.lower"))
    assert "Raised floors" not in browser.get("/console/alerts").get_data(as_text=True)


def test_what_is_not_closed(house: House) -> None:
    identifier = raised(house, "w1 again")
    browser = house.browser()

    for note in ("", " ", "x" * 501, "a\x1b[2J"):
        refused = post(browser, f"/console/alerts/{identifier}/close", note=note)
        assert (refused.status_code, "1 to 500 printable characters" in refused.get_data(as_text=True)) == (400, True)
    assert browser.post(f"/console/alerts/{identifier}/close", data={"note": "of another site"}).status_code == 400
    assert browser.get("/console/alerts/alr_no").status_code == 404
    assert house.newest("audit.alert").outcome == "not_found"
