"""The overview's figures are those of the log, and its charts those of its figures."""

import itertools
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.console import charts
from gateway.console.filters import when
from gateway.console.overview import STALE, period
from partners.access_log.append import Access, record
from partners.postgres import database
from partners.postgres.partitions import make_partitions
from partners.registry.acts import Act, note
from partners.vocabulary import Outcome, Purpose, Reason
from tests.gateway.console.conftest import House
from tests.partners.access_log.logs import access


def cells(page: str, name: str) -> list[str]:
    """The cells of a row, its bar left out, whose heading begins with a text."""
    for row in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL):
        heading, *others = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", re.sub(r"<svg.*?</svg>", "", row), re.DOTALL)
        if text(heading).startswith(name):
            return [text(other) for other in others if text(other)]
    raise AssertionError(f"no row of {name}")


def text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.mark.parametrize("days", ["1", "7", "90"])
def test_figures_are_those_of_the_log(house: House, days: str) -> None:
    page = house.look(f"/console?days={days}", case=None)

    assert cells(page, "w1") == ["3", "2", "0"]
    assert cells(page, "model_center") == ["3", "1", "1"]
    assert cells(page, "unknown") == ["1"]
    assert cells(page, "insufficient_scope") == ["1"]
    assert cells(page, "username") == ["1", "1", "1"]
    assert cells(page, "mask") == ["0", "0", "1"]
    assert house.newest("audit.overview").client == house.person.id


def test_what_was_done_is_no_reason_why_nothing_was_given(house: House) -> None:
    with house.db.write.begin() as connection:
        opted_out = access(audience="platform", partner="platform", operation="privacy.write")
        record(connection, opted_out, outcome=Outcome.RELEASED, status=200, reason=Reason.OPTED_OUT)

    page = house.look("/console?days=1", case=None)

    (link,) = re.findall(r'<a href="([^"]*reason%3Aunknown[^"]*)"', page)
    assert "opted_out" not in page
    assert house.look(unescape(link)).count('scope="row" class="time"') == 1


@pytest.mark.parametrize("days", ["1", "30"])
def test_a_figure_of_a_period_leads_to_what_it_counted(house: House, days: str) -> None:
    began = period(days, datetime.now(UTC)).since
    owner = database.owner(house.url)
    with owner.begin() as connection:
        make_partitions(connection, now=began)
        make_partitions(connection, now=began - timedelta(days=1))
    owner.dispose()
    with house.db.write.begin() as connection:
        for at in (began - timedelta(seconds=1), began):
            denied = access(at, operation="card.get", partner="w1")
            record(connection, denied, outcome=Outcome.DENIED, status=403, reason=Reason.INSUFFICIENT_SCOPE)

    overview = house.look(f"/console?days={days}", case=None)
    one = house.look(f"/console/partners?partner=w1&days={days}", case=None)

    assert found(house, overview, "Denied, limited, broken off") == tile(overview, "Refused")
    assert found(house, overview, "insufficient_scope") == int(cells(overview, "insufficient_scope")[0])
    assert found(house, one, "insufficient_scope") == int(one.partition(">insufficient_scope</a>")[2].split("<")[0])
    assert found(house, one, "Every entry") == tile(one, "Accesses")
    assert f"/console/partners?partner=w1&amp;days={days}" in overview


def tile(page: str, title: str) -> int:
    return int(page.partition(f"<h2>{title}</h2>")[2].partition(">")[2].partition("<")[0])


def found(house: House, page: str, link: str) -> int:
    """How many entries the search has that a link leads to."""
    (address,) = re.findall(rf'<a href="(/console/search[^"]*)">{link}<', page)
    return house.look(unescape(address)).count('scope="row" class="time"')


def test_what_nobody_asked_for_is_not_told_as_asked_without_a_token(house: House) -> None:
    def rows() -> list[int]:
        page = house.look("/console?days=1", case=None)
        names = ("no token", "the gateway and its operators", "w1")
        return [*(int(cells(page, name)[0]) for name in names), tile(page, "Asked by")]

    def happen() -> None:
        house.app.test_client().get("/v1/webmaster/members")
        now = datetime.now(UTC)
        with house.db.write.begin() as connection:
            note(connection, Act("oauth.partners.limit", partner="w1"), operator="root", now=now)
            for operation, client in (("audit.detect", None), ("audit.push", "sink:siem")):
                own = Access.without_request(now, operation, Purpose.SECURITY, client=client)
                record(connection, own, outcome=Outcome.RELEASED, status=200)

    happen()
    before = rows()
    happen()

    assert [now - then for now, then in zip(rows(), before, strict=True)] == [1, 3, 0, 0]


def test_the_seal_says_how_it_stands(house: House) -> None:
    house.log.seal()
    (last,) = house.log.sql("SELECT at FROM sealed_leaf ORDER BY index DESC LIMIT 1")
    page = house.look("/console", case=None)
    assert "nothing waits" in page
    assert f"up to the entry of {when(last.at)}." in page
    house.w1.get("/campaigns")
    assert re.search(r"\d being sealed", house.look("/console", case=None))
    house.log.add(at=datetime.now(UTC) - 2 * STALE)
    assert "is the sequencer running?" in house.look("/console", case=None)
    house.log.seal()


def test_an_unknown_period_is_the_usual_one(house: House) -> None:
    page = house.look("/console?days=9999", case=None)

    assert re.findall(r'days=(\d+)" aria-current', page) == ["7"]


@given(st.integers(0, 10**12))
def test_an_axis_ends_at_a_round_number_not_far_above(largest: int) -> None:
    top = charts.axis(largest)

    assert largest <= top <= max(2 * largest, 2)
    assert top % 2 == 0


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=3), st.integers(0, 10**6))
def test_parts_of_a_bar_lie_one_after_the_other(values: list[int], more: int) -> None:
    parts = charts.bar(values, sum(values) + more)

    assert [part.series for part in parts] == [place for place, value in enumerate(values) if value]
    for one, other in itertools.pairwise(parts):
        assert one.start + one.length == pytest.approx(other.start, abs=0.01)
    assert all(part.start + part.length <= 100.01 for part in parts)


def test_columns_stand_on_the_axis() -> None:
    began = datetime(2026, 11, 1, tzinfo=UTC)
    chart = charts.columns([(began, [3, 1]), (began + timedelta(days=1), [0, 0])], timedelta(days=1))

    assert [(part.start, part.length) for part in chart.columns[0].parts] == [(25.0, 75.0), (0.0, 25.0)]
    assert [column.label for column in chart.columns] == ["1 Nov", "2 Nov"]
    assert chart.columns[1].parts == []


def test_periods_end_with_the_present_hour_or_day() -> None:
    now = datetime(2026, 11, 3, 14, 30, tzinfo=UTC)

    assert period("1", now).slots()[0] == datetime(2026, 11, 2, 15, tzinfo=UTC)
    assert len(period("1", now).slots()) == 24
    assert period("7", now).slots()[0] == datetime(2026, 10, 28, tzinfo=UTC)
    assert period("7", now).slots()[-1] == datetime(2026, 11, 3, tzinfo=UTC)
