"""What the sealed log adds up to, in however many batches it is counted, and what of it is a sign of anything."""

from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy import Connection, delete, select

from partners.detections import counting, rules, running
from partners.detections.counting import count, first_index
from partners.detections.entries import BY_PEOPLE
from partners.tables.detections import client_network, client_seen, partner_day, partner_hour
from partners.vocabulary import Detection, Outcome, PartnerKind, Reason
from tests.partners.detections.pasts import AN_HOUR_AGO, DAY, MINUTE, NOW, Call, Past, office_days

TABLES = (partner_day, partner_hour, client_network, client_seen)


def figures(connection: Connection) -> list[set[Any]]:
    return [{tuple(row) for row in connection.execute(select(table))} for table in TABLES]


def numbers(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


def test_batches_add_up_to_what_one_of_all_does(past: Past) -> None:
    """A sleeper wakes, takes much and then less; what is sealed later need not be later."""
    past.partner()
    missed: dict[str, Any] = {"outcome": Outcome.NOT_FOUND, "status": 404, "reason": Reason.UNKNOWN}
    asleep_since = AN_HOUR_AGO - rules.SILENCE - DAY
    batches = [
        [Call(asleep_since, (1,)), Call(AN_HOUR_AGO, numbers(1, 60)), Call(AN_HOUR_AGO + 3 * MINUTE, numbers(51, 80))],
        [Call(AN_HOUR_AGO + MINUTE, numbers(71, 90)), Call(AN_HOUR_AGO + MINUTE, operation="members.get", **missed)],
        [Call(AN_HOUR_AGO + 2 * MINUTE, operation="stats.query")],
    ]
    first = 0
    for calls in batches:
        past.happen(calls)
        with past.log.engines.write.begin() as connection:
            first = count(connection, first).following

    with past.log.engines.write.begin() as connection:
        batch_by_batch = figures(connection)
        for table in TABLES:
            connection.execute(delete(table))
        count(connection, 0)
        assert batch_by_batch == figures(connection)
        day = connection.execute(select(partner_day).where(partner_day.c.day == AN_HOUR_AGO.date())).first()
        hour = connection.execute(select(partner_hour).order_by(partner_hour.c.hour.desc())).first()
        seen = connection.execute(select(client_seen)).one()
    assert day is not None
    assert hour is not None
    assert (day.requests, day.missed, day.members) == (5, 1, pytest.approx(90, abs=3))
    assert (hour.requests, hour.missed, hour.members, hour.largest) == (5, 1, 110, 60)
    assert (seen.first_at, seen.last_at, seen.woke_at) == (asleep_since, AN_HOUR_AGO + 3 * MINUTE, AN_HOUR_AGO)


LOOKED_UP: dict[str, Any] = {"outcome": Outcome.NOT_FOUND, "status": 404, "operation": "members.get"}
REFUSED: dict[str, Any] = {"outcome": Outcome.DENIED, "status": 403, "reason": Reason.INSUFFICIENT_SCOPE}


@pytest.mark.parametrize(
    ("facts", "sign"),
    [
        (LOOKED_UP | {"reason": Reason.NOT_REFERRED}, "missed"),
        (LOOKED_UP | {"reason": Reason.UNKNOWN}, "missed"),
        (LOOKED_UP | {"reason": Reason.NO_RELATION, "operation": "card.get"}, "missed"),
        (LOOKED_UP | {"reason": Reason.NO_RELATION, "operation": "card.spending"}, "missed"),
        *((LOOKED_UP | {"reason": reason}, None) for reason in (Reason.OPTED_OUT, Reason.ERASED, Reason.RESTRICTED)),
        (LOOKED_UP | {"reason": Reason.UNKNOWN, "operation": "members.list"}, None),
        (REFUSED | {"operation": "card.get"}, "refused"),
        (REFUSED | {"operation": "oauth.token"}, "refused"),
        (REFUSED | {"operation": "card.get", "reason": Reason.INVALID_TOKEN}, None),
        (REFUSED | {"operation": "card.get", "reason": None}, None),
    ],
)
def test_misses_are_of_strangers_and_refusals_for_want_of_a_scope(
    past: Past, facts: dict[str, Any], sign: str | None
) -> None:
    past.happen([Call(AN_HOUR_AGO, **facts)])

    with past.log.engines.write.begin() as connection:
        count(connection, 0)
        hour = connection.execute(select(partner_hour)).one()
        day = connection.execute(select(partner_day).where(partner_day.c.client == "")).one()

    assert (hour.missed, hour.refused) == (sign == "missed", sign == "refused")
    assert (hour.requests, day.requests, day.missed) == (1, 1, hour.missed)


@pytest.mark.parametrize("operation", BY_PEOPLE)
def test_what_people_do_in_a_browser_is_no_call_of_a_client(past: Past, operation: str) -> None:
    past.happen([Call(AN_HOUR_AGO, operation=operation, **REFUSED)])

    with past.log.engines.write.begin() as connection:
        assert count(connection, 0).following == 1
        assert figures(connection) == [set(), set(), set(), set()]


def test_what_stays_in_the_house_is_no_release(past: Past) -> None:
    audiences = (PartnerKind.PLATFORM, PartnerKind.AUDITOR, PartnerKind.WEBMASTER, PartnerKind.TRACKER)
    past.happen(Call(AN_HOUR_AGO, (1, 2), partner=audience, audience=audience) for audience in audiences)

    with past.log.engines.write.begin() as connection:
        count(connection, 0)
        hours = {row.partner: (row.members, row.largest) for row in connection.execute(select(partner_hour))}

    assert hours == {"platform": (0, 0), "auditor": (0, 0), "webmaster": (2, 2), "tracker": (2, 2)}


def test_a_log_is_counted_from_the_first_entry_of_an_instant_on(past: Past) -> None:
    past.happen(Call(AN_HOUR_AGO + n * MINUTE) for n in range(7))

    with past.log.engines.write.connect() as connection:
        found = [first_index(connection, AN_HOUR_AGO + n * MINUTE) for n in (-1, 0, 1, 5.5, 6, 7)]

    assert found == [0, 0, 1, 6, 6, 7]


@pytest.mark.parametrize("ran_before", [True, False])
def test_what_was_counted_by_a_run_that_then_died_is_told_by_the_next(
    past: Past, monkeypatch: pytest.MonkeyPatch, *, ran_before: bool
) -> None:
    """However late it was sealed; where no run ever ended, the next one tells of a day alone."""
    monkeypatch.setattr(counting, "BATCH", 10)
    past.partner()
    past.happen(office_days(5, members=5))
    if ran_before:
        assert past.detect() == []
    missed = LOOKED_UP | {"reason": Reason.UNKNOWN}
    past.happen(Call(NOW - 2 * DAY + n * timedelta(seconds=1), **missed) for n in range(20))
    past.happen([Call(NOW)])
    with monkeypatch.context() as dying:
        dying.setattr(running, "raise_alerts", Mock(side_effect=TimeoutError))
        with pytest.raises(TimeoutError):
            past.detect(now=NOW + MINUTE)

    assert [each.rule for each in past.detect(now=NOW + 2 * MINUTE)] == [Detection.ENUMERATION] * ran_before


def test_to_judge_again_from_an_instant_on_leaves_nothing_untold_before_it(past: Past) -> None:
    past.partner()
    past.happen(office_days(5, members=5))
    assert past.detect() == []
    past.happen(Call(NOW + n * timedelta(seconds=1), **LOOKED_UP, reason=Reason.UNKNOWN) for n in range(20))

    later = NOW + timedelta(hours=6)
    assert [each.rule for each in past.detect(now=later, since=later - MINUTE)] == [Detection.ENUMERATION]
