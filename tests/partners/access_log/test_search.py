"""Searches of the log: what they leave out at each end, and how many members an entry shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from partners.access_log import figures, search
from partners.access_log.append import record
from partners.access_log.figures import DAY, Stretch
from partners.access_log.identifiers import REQUEST_PREFIX, Place, new_id, public
from partners.access_log.search import LONGEST_REQUEST, MEMBERS_SHOWN, Search
from partners.vocabulary import Outcome, Reason
from tests.factories import add_member
from tests.partners.access_log.logs import Log, access

BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
LEAST = timedelta(microseconds=1)


def found(log: Log, *, limit: int = 1_000, **wanted: Any) -> list[Any]:
    with log.engines.write.connect() as connection:
        return search.find(connection, Search(**wanted), limit=limit)


def test_a_search_has_its_beginning_and_not_its_end(log: Log) -> None:
    for at in (BEGAN - LEAST, BEGAN, BEGAN + DAY / 24 - LEAST, BEGAN + DAY / 24):
        log.add(at=at)

    assert [row.at for row in found(log, since=BEGAN, until=BEGAN + DAY / 24)] == [BEGAN + DAY / 24 - LEAST, BEGAN]


def test_entries_of_one_instant_come_once_each_page_by_page(log: Log) -> None:
    log.add(7, at=BEGAN)
    after, seen = None, []
    while page := found(log, after=after, limit=2):
        after = Place(page[-1].at, page[-1].id)
        seen += [row.id for row in page]

    assert seen == sorted({row.id for row in found(log)}, reverse=True)
    assert len(seen) == 7


def test_a_request_is_found_to_the_last_record_of_a_day_s_export(log: Log) -> None:
    began = BEGAN - LONGEST_REQUEST
    request = public(REQUEST_PREFIX, new_id(began))
    for at in (began, began + LONGEST_REQUEST, began + LONGEST_REQUEST + LEAST):
        log.add(at=at, request_id=request)

    assert [row.at for row in found(log, request=(request, began))] == [began + LONGEST_REQUEST, began]


def test_an_entry_shows_its_first_hundred_members(log: Log) -> None:
    with log.engines.write.begin() as connection:
        numbers = [add_member(connection, f"m{number:03}") for number in range(MEMBERS_SHOWN + 1)]
    log.add(members=tuple(reversed(numbers)))

    (entry,) = found(log)

    assert list(entry.members) == [f"m{number:03}" for number in range(100)]
    assert entry.member_count == 101


@pytest.mark.parametrize(
    ("outcome", "reason", "count"), [(Outcome.RELEASED, None, 1), (Outcome.NOT_FOUND, Reason.OPTED_OUT, 0)]
)
def test_only_a_member_of_whom_something_was_given_counts_as_given(
    log: Log, *, outcome: Outcome, reason: Reason | None, count: int
) -> None:
    with log.engines.write.begin() as connection:
        told = {"outcome": outcome, "reason": reason}
        record(connection, access(BEGAN, operation="members.get"), status=200, members=(1,), **told)
        given = figures.members_given(connection, Stretch(BEGAN - DAY, BEGAN + DAY, DAY), "w1")

    assert given.get(None, 0) == count


def test_a_stretch_of_figures_has_its_beginning_and_not_its_end(log: Log) -> None:
    for at in (BEGAN - LEAST, BEGAN, BEGAN + DAY / 24):
        log.add(at=at)
    with log.engines.write.begin() as connection:
        rows = figures.sums(connection, Stretch(BEGAN, BEGAN + DAY / 24, DAY / 24))

    assert {row.accesses for row in rows} == {1}
