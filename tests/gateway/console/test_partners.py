"""What a partner saw: members counted once, fields by day, and the list of all partners."""

import re
from datetime import UTC, datetime

from sqlalchemy import func, select

from partners.access_log.figures import members_given
from partners.registry.acts import Act, note
from partners.tables.access import access_subject_set
from tests.gateway.console.conftest import House
from tests.gateway.console.test_overview import cells, text


def tile(page: str, title: str) -> str:
    """The large figure of a tile."""
    return text(page.partition(f"<h2>{title}</h2>")[2].partition("</p>")[0])


def test_members_are_counted_once_and_fields_as_often_as_given(house: House) -> None:
    house.w1.rows()

    page = house.look("/console/partners?partner=w1&days=7", case=None)

    assert "<h1>What W1 saw</h1>" in page
    assert tile(page, "Members seen") == "2"
    heat = re.findall(r"<tr><th scope=\"row\"><code>(\w+)</code></th>(.*?)</tr>", page)
    assert {name: text(row).split()[-1] for name, row in heat if name in {"username", "country"}} == {
        "username": "2",
        "country": "4",
    }
    assert 'class="num heat h5">4</td>' in page
    assert house.newest("audit.partner").outcome == "released"


def test_members_of_streams_are_counted_too(house: House) -> None:
    from gateway.console.overview import period  # noqa: PLC0415

    house.app.test_client().get("/v1/webmaster/members", headers=house.w1.headers | {"Accept": "text/csv"}).get_data()

    with house.db.write.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(access_subject_set))
        now = connection.scalar(select(func.now()))
        assert now is not None
        assert members_given(connection, period("1", now), "w1")[None] == 2


def test_every_partner_is_listed_with_what_it_asked(house: House) -> None:
    page = house.look("/console/partners", case=None)

    assert cells(page, "W1")[:3] == ["webmaster", "LU", "active"]
    assert cells(page, "Auditor")[0] == "auditor"


def test_what_operators_do_to_a_partner_is_none_of_its_accesses(house: House) -> None:
    before = cells(house.look("/console/partners", case=None), "W1")
    own = tile(house.look("/console/partners?partner=w1&days=7", case=None), "Accesses")
    with house.db.write.begin() as connection:
        for _ in range(20):
            note(connection, Act("oauth.partners.limit", partner="w1"), operator="root", now=datetime.now(UTC))

    page = house.look("/console/partners?partner=w1&days=7", case=None)

    assert cells(house.look("/console/partners", case=None), "W1") == before
    assert tile(page, "Accesses") == own
    assert int(own) > 0


def test_a_partner_that_there_is_not_is_a_look_too(house: House) -> None:
    assert house.browser().get("/console/partners?partner=nobody").status_code == 404
    assert house.newest("audit.partner").outcome == "not_found"
