"""Hostile lines, 20,000 with `SAMPLES=4`: each is counted once, under a code of the list, and good ones are applied."""

import time
from collections.abc import Sequence
from random import Random

import pytest

from partners.feed import LineError, Report
from partners.tables.activity import spending
from partners.vocabulary import FeedError
from tests.books import assert_books_balance
from tests.feeding import Platform, lines, referred, spent
from tests.partners.feed.hostile import CANARY, Spoilt, spoil
from tests.sampling import samples

pytestmark = pytest.mark.slow

LINES = samples(5_000)
SENT_AT_ONCE = 500
"""Fewer than the errors that a report tells, so that all of them are seen."""
LONGEST_S = 1.0


def test_hostile_lines_are_each_counted_once_and_harm_nothing(platform: Platform) -> None:
    random = Random(20_261_101)  # noqa: S311 - the same lines each time
    platform.must(referred("good"))
    outcomes: set[FeedError | None] = set()
    told: set[str] = set()

    for start in range(0, LINES, SENT_AT_ONCE):
        spoilt = [spoil(random) for _ in range(SENT_AT_ONCE)]
        good = lines(spent("good", id=f"good-{start}"))
        before = time.process_time()
        report = platform.send_bytes(b"\n".join(each.line for each in spoilt) + b"\n" + good)
        assert time.process_time() - before < LONGEST_S
        assert report.accepted + report.duplicates + report.rejected == SENT_AT_ONCE + 1
        assert report.rejected == len(report.errors)
        outcomes |= _as_expected(spoilt, report)
        told |= {error.fault.detail for error in report.errors}

    assert len(platform.rows(spending)) >= LINES // SENT_AT_ONCE
    assert outcomes >= {None, *FeedError} - _NEED_A_STORY
    assert not any(CANARY in detail for detail in told)
    assert_books_balance(platform.db)


_NEED_A_STORY = {FeedError.USERNAME_RETIRED, FeedError.ERASED_MEMBER, FeedError.UNKNOWN_PARTNER}
"""What spoiling an event does not bring about."""


def _as_expected(spoilt: Sequence[Spoilt], report: Report) -> set[FeedError | None]:
    """Compare what became of each line with what may become of it; the good line stands at the end."""
    faults: dict[int, LineError] = {error.line: error for error in report.errors}
    assert len(spoilt) + 1 not in faults
    codes = [faults[number].fault.code if number in faults else None for number in range(1, len(spoilt) + 1)]
    for each, code in zip(spoilt, codes, strict=True):
        assert code in each.outcomes, (code, each.line[:500])
    return set(codes)
