"""The endurance run: a mixed load without errors, and a verdict that finds what is wrong."""

from collections import Counter

import pytest
from sqlalchemy import text

from benchmarks.endurance import endure, faults_of, growth_of, memory_table, staged, table
from benchmarks.mixed_load import EVENTS, GOOD, Kind, Seen, Wish

CARD = Kind("card", "model:model-1", lambda _: Wish("/"), 0.1)


@pytest.mark.slow
def test_a_short_run_asks_everything_and_nothing_fails() -> None:
    with staged(500, workers=1) as stage:
        seen, warm, end = endure(stage, 12)
        with stage.engine.connect() as connection:
            bought = connection.execute(text("SELECT count(*) FROM ledger_entry WHERE purchase_id NOT LIKE 'p-%'"))
            assert bought.scalar_one() > EVENTS

    assert {kind.name for kind in seen} >= {"card", "members", "purchases", "statistics", "export", "privacy", "feed"}
    assert all(found.seconds and not found.errors(kind.good) for kind, found in seen.items())
    assert len(warm) == len(end) == 1
    assert len(table(seen).splitlines()) == 1 + len(seen)
    assert "MiB" in memory_table(warm, end)


@pytest.mark.parametrize(
    ("seen", "fault"),
    [
        (Seen(Counter({200: 9, 500: 1}), [0.01] * 10), "errors"),
        (Seen(Counter({200: 9, 0: 1}), [0.01] * 10), "errors"),
        (Seen(Counter({200: 200}), [0.01] * 195 + [0.2] * 5), "slowest"),
        (Seen(), "nothing"),
    ],
)
def test_what_is_wrong_is_said(seen: Seen, fault: str) -> None:
    assert [fault in told for told in faults_of({CARD: seen})] == [True]


def test_what_is_in_order_is_not() -> None:
    assert {200, 429} == GOOD
    assert not list(faults_of({CARD: Seen(Counter({200: 9, 429: 1}), [0.01] * 9 + [0.09])}))


def test_a_worker_that_grows_or_dies_is_said() -> None:
    told = list(growth_of({1: 100.0, 2: 100.0, 3: 100.0}, {1: 110.0, 2: 140.0}, 32.0))

    assert [line.split()[1] for line in told] == ["2", "3"]
