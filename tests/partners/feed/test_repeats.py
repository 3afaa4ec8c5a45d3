"""Each event is applied once, however often and from wherever it comes; a refused one is not remembered."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from partners.feed import apply_events, apply_stream
from partners.feed.lines import LONGEST_LINE
from partners.tables.activity import action, applied_event, ledger_entry
from partners.tables.member import member
from tests.factories import dump
from tests.feeding import Platform, acted, at, event, lines, purchased, registered, spent, updated


def story() -> list[dict[str, Any]]:
    return [
        registered(),
        updated(time=at(hours=1), username="other", mask="fox", profile={"age": 30}),
        purchased(time=at(hours=2)),
        spent(time=at(hours=3)),
        acted("private_chat", time=at(hours=4)),
        event("model.favorited", time=at(hours=5), model="mdl-1"),
    ]


@pytest.mark.parametrize("batch_lines", [1, 4, 4_000])
def test_repeat_of_a_feed_changes_nothing(platform: Platform, batch_lines: int) -> None:
    told = story()
    platform.must(*told)
    with platform.db.write.connect() as connection:
        before = dump(connection)

    report = platform.send(*told, *told, batch_lines=batch_lines)

    assert (report.accepted, report.duplicates, report.rejected) == (0, 2 * len(told), 0)
    with platform.db.write.connect() as connection:
        assert dump(connection) == before


@pytest.mark.parametrize("batch_lines", [1, 4_000])
def test_repeat_within_a_feed_is_a_duplicate(platform: Platform, batch_lines: int) -> None:
    told = [sent for sent in story() for _ in range(3)]

    report = platform.send(*told, batch_lines=batch_lines)

    assert (report.accepted, report.duplicates) == (6, 12)
    assert len(platform.rows(action)) == 2


def test_same_id_from_another_source_is_another_event(platform: Platform) -> None:
    platform.must(registered(), acted() | {"id": "x", "source": "/a"}, acted() | {"id": "x", "source": "/b"})

    assert len(platform.rows(action)) == 2


def test_repeat_is_a_duplicate_whatever_it_says_now(platform: Platform) -> None:
    platform.must(registered(id="e"))
    identity = {"specversion": "1.0", "id": "e", "source": "/platform", "time": "2026-10-01T12:00:00Z", "data": {}}

    report = platform.send(identity | {"type": "member.registered"}, identity | {"type": "no.such.type"})
    assert (report.duplicates, report.rejected) == (2, 0)

    assert platform.code(identity | {"type": "member.registered", "data": {"email": "x"}}) == "forbidden_field"


def test_refused_event_is_applied_under_the_same_id_once_its_cause_is_gone(platform: Platform) -> None:
    early = acted()
    assert platform.code(early) == "unknown_member"
    assert platform.code(early) == "unknown_member"

    report = platform.send(early, registered(), early, early)

    assert (report.accepted, report.duplicates, report.rejected) == (2, 1, 1)


def test_digest_of_an_event_is_that_of_source_and_id(platform: Platform) -> None:
    platform.must(registered(id="e1"))

    (row,) = platform.rows(applied_event)
    assert row["digest"].hex == hashlib.sha256(b"/platform\x1fe1").hexdigest()[:32]


def test_several_feeds_at_once_apply_every_event_once(platform: Platform) -> None:
    told = [registered(f"m{number}") for number in range(40)]
    told += [purchased(f"p{number}", f"m{number % 40}", time=at(hours=number)) for number in range(200)]
    body = lines(*told)

    def feed(batch_lines: int) -> Any:
        return apply_stream(io.BytesIO(body), platform.feed, lambda: platform.now, batch_lines=batch_lines)

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(feed, (3, 7, 50, 1_000)))

    assert sum(report.accepted for report in reports) == len(told)
    assert sum(report.duplicates for report in reports) == 3 * len(told)
    assert sum(report.rejected for report in reports) == 0
    assert len(platform.rows(ledger_entry)) == 200
    assert sum(platform.totals(f"m{number}")["count"] for number in range(40)) == 200


def test_bad_lines_never_stop_the_good_ones(platform: Platform) -> None:
    body = b"\n".join(
        [
            b"not json",
            lines(registered("m1")).strip(),
            b"",
            b"x" * (LONGEST_LINE + 1),
            lines({"id": "e9", "data": {"phone": "1"}}).strip(),
            lines(registered("m2")).strip(),
        ]
    )

    report = platform.send_bytes(body, batch_lines=2)

    assert (report.accepted, report.duplicates, report.rejected) == (2, 0, 3)
    assert [(error.line, error.id, error.fault.code) for error in report.errors] == [
        (1, None, "invalid_json"),
        (4, None, "invalid_event"),
        (5, "e9", "forbidden_field"),
    ]


def test_first_thousand_errors_are_told_and_all_are_counted(platform: Platform) -> None:
    report = platform.send_bytes(b"{}\n" * 2_500, batch_lines=300)

    assert report.rejected == 2_500
    assert [error.line for error in report.errors] == list(range(1, 1_001))


def test_batch_of_parsed_events_counts_them_from_one(platform: Platform) -> None:
    report = apply_events([registered(), {}, acted()], platform.feed, lambda: platform.now)

    assert report.accepted == 2
    assert [(error.line, error.fault.code) for error in report.errors] == [(2, "invalid_event")]


def test_batches_before_a_failure_stay_and_everything_may_be_sent_again(platform: Platform) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            given = super().read(size)
            if not given:
                raise ConnectionError
            return given

    told = [registered(f"m{number}") for number in range(5)]
    with pytest.raises(ConnectionError):
        apply_stream(Broken(lines(*told)), platform.feed, lambda: platform.now, batch_lines=2)
    assert [row["id"] for row in platform.rows(member, "id")] == ["m0", "m1", "m2", "m3"]

    report = platform.send(*told)

    assert (report.accepted, report.duplicates) == (1, 4)


def test_clock_is_asked_again_for_every_batch(platform: Platform) -> None:
    hours = iter(range(100))
    ahead = [registered(f"m{hour}", time=platform.now + timedelta(hours=hour)) for hour in range(5)]

    report = apply_stream(
        io.BytesIO(lines(*ahead)), platform.feed, lambda: platform.now + timedelta(hours=next(hours)), batch_lines=1
    )

    assert report.accepted == 5
