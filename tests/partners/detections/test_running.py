"""A run judges every window in which it counted something, however late that was sealed; a failed one loses none."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError

from partners.detections import counting
from partners.detections.running import SLACK
from partners.tables.partner import client_secret
from partners.vocabulary import Detection, Outcome, Reason
from tests.partners.detections.pasts import MINUTE, NOW, Call, Past, office_days

LATER = NOW + 5 * MINUTE
LONG_AGO = NOW.replace(hour=10)
"""Before everything that the run at `NOW` would have looked at again."""
BULK = tuple(range(1, 61))


def missing(count: int, *, at: Any) -> list[Call]:
    """Look-ups of somebody else's members."""
    missed: dict[str, Any] = {"outcome": Outcome.NOT_FOUND, "status": 404, "reason": Reason.NOT_REFERRED}
    return [Call(at + timedelta(seconds=n), operation="members.get", **missed) for n in range(count)]


def rules_told(past: Past) -> list[Detection]:
    return [alert.rule for alert in past.detect(now=LATER)]


@pytest.fixture
def quiet(past: Past) -> Past:
    """A partner with habits, of which nothing is told at `NOW`."""
    past.partner()
    past.happen(office_days(5, members=5))
    assert past.detect() == []
    return past


def test_what_is_sealed_late_is_judged_at_the_time_of_its_request(quiet: Past) -> None:
    quiet.happen(missing(20, at=LONG_AGO))

    assert rules_told(quiet) == [Detection.ENUMERATION]


def test_and_so_is_the_earliest_of_many_batches(quiet: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "BATCH", 10)
    quiet.happen(missing(20, at=LONG_AGO))
    quiet.happen(Call(NOW + timedelta(seconds=n)) for n in range(15))

    assert rules_told(quiet) == [Detection.ENUMERATION]


def test_what_is_sealed_late_is_judged_with_what_came_just_before_it(past: Past) -> None:
    past.partner()
    past.happen(missing(15, at=LONG_AGO - 2 * MINUTE))
    assert past.detect() == []
    past.happen(missing(10, at=LONG_AGO + 2 * MINUTE))

    assert rules_told(past) == [Detection.ENUMERATION]


def test_what_is_sealed_late_is_judged_by_the_change_of_credentials_before_it(quiet: Past) -> None:
    secret = {"client": "client-w1", "digest": b"digest", "created_at": LONG_AGO - 50 * MINUTE}
    with quiet.log.engines.write.begin() as connection:
        connection.execute(insert(client_secret).values(secret))
    quiet.happen([Call(LONG_AGO, BULK)])

    assert Detection.AFTER_CHANGE in rules_told(quiet)


def test_who_woke_before_the_last_run_is_watched_for_a_day(past: Past) -> None:
    past.partner()
    past.happen([Call(NOW - 20 * timedelta(hours=1), operation="stats.query")])
    assert past.detect() == []
    past.happen([Call(NOW + MINUTE, BULK)])

    assert rules_told(past) == [Detection.DORMANT]


def test_what_a_run_counted_that_then_failed_is_told_by_the_next(quiet: Past) -> None:
    quiet.happen(missing(20, at=NOW - SLACK + MINUTE))
    quiet.log.sql("REVOKE INSERT ON access_log FROM gateway_write")
    with pytest.raises(DBAPIError):
        quiet.detect(now=LATER - MINUTE)
    quiet.log.sql("GRANT INSERT ON access_log TO gateway_write")

    assert rules_told(quiet) == [Detection.ENUMERATION]


def test_a_run_looks_no_further_back_than_the_last_one(quiet: Past) -> None:
    quiet.detect(now=LATER)

    (progress,) = quiet.log.sql("SELECT * FROM detection_progress")

    assert progress.judged_until == progress.run_at == LATER
