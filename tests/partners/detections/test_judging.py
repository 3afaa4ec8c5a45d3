"""Rules tell from their figures on and not before, and figures of a suspicion are such as can be."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from partners.detections import rules
from partners.detections.judging import judge
from partners.detections.suspicions import (
    Change,
    Day,
    Facts,
    Hour,
    Lookups,
    Network,
    Reach,
    Refusals,
    Waking,
    Whom,
    Window,
)
from partners.vocabulary import Detection, Tier

DAY = Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC))
W1 = Whom("w1", "c1")
INSTANT = timedelta(microseconds=1)


def before(days: int) -> datetime:
    return DAY.since - timedelta(days=days)


VOLUME = Day(W1, DAY, members=51, before=[10] * 4, peers=[])
BY_PEERS = Day(W1, DAY, members=51, before=[], peers=[10] * 20)
ENUMERATION = Lookups(W1, DAY, lookups=40, misses=20, misses_by_day=[])
PROBING = Refusals(W1, DAY, requests=25, refused=6, most_before=5)
WIDE = Reach(W1, DAY, members=80, reachable=100, steps_up=0, steps_down=0, habit=0.049)
IN_ORDER = Reach(W1, DAY, members=50, reachable=None, steps_up=2, steps_down=48, habit=0.049)
NEW_NETWORK = Network(W1, DAY, "203.0.113.0/24", known_since=before(30) - INSTANT, new_before=3)
OFF_HOURS = Hour(W1, DAY, members=21, known_since=before(28), used_before=False)
DORMANT = Waking(W1, DAY, largest=50)
CREDENTIALS = Change(W1, DAY, "credentials", largest=50, from_new_network=False, bulk_before=False)
FROM_ELSEWHERE = Change(W1, DAY, "network", 50, from_new_network=True, bulk_before=False, network="203.0.113.0/24")
BOTH = replace(CREDENTIALS, from_new_network=True, bulk_before=True)


def told(*facts: Facts) -> list[tuple[Detection, Tier]]:
    return [(each.rule, each.tier) for each in judge(facts)]


@pytest.mark.parametrize(
    ("facts", "rule", "tier", "less"),
    [
        (VOLUME, Detection.VOLUME, Tier.PAGE, [{"members": 50}, {"before": [51] * 4}, {"before": [10] * 3}]),
        (BY_PEERS, Detection.VOLUME, Tier.PAGE, [{"members": 50}, {"peers": [51] * 20}, {"peers": [10] * 19}]),
        (replace(VOLUME, before=[10] * 20 + [21]), Detection.VOLUME, Tier.QUEUE, []),
        (ENUMERATION, Detection.ENUMERATION, Tier.QUEUE,
         [{"misses": 19}, {"lookups": 41}, {"misses_by_day": [20] * 3}]),
        (replace(ENUMERATION, misses=60, lookups=60, misses_by_day=[59]), Detection.ENUMERATION, Tier.PAGE, []),
        (replace(ENUMERATION, misses=60, lookups=60, misses_by_day=[60, 0, 0]), Detection.ENUMERATION, Tier.QUEUE, []),
        (PROBING, Detection.PROBING, Tier.QUEUE,
         [{"refused": 5, "most_before": 0}, {"most_before": 6}, {"requests": 24}]),
        (WIDE, Detection.SWEEP, Tier.QUEUE, [{"members": 79}, {"members": 49, "reachable": 49}, {"habit": 0.05}]),
        (IN_ORDER, Detection.SWEEP, Tier.QUEUE, [{"steps_down": 47}, {"steps_up": 3, "steps_down": 57}, {"habit": 1}]),
        (NEW_NETWORK, Detection.NEW_NETWORK, Tier.QUEUE, [{"known_since": before(30)}, {"new_before": 4}]),
        (OFF_HOURS, Detection.OFF_HOURS, Tier.QUEUE,
         [{"members": 20}, {"known_since": before(28) + INSTANT}, {"used_before": True}]),
        (DORMANT, Detection.DORMANT, Tier.PAGE, [{"largest": 49}]),
        (CREDENTIALS, Detection.AFTER_CHANGE, Tier.QUEUE, [{"largest": 49}, {"bulk_before": True}]),
        (FROM_ELSEWHERE, Detection.AFTER_CHANGE, Tier.PAGE, [{"largest": 49}, {"bulk_before": True}]),
        (BOTH, Detection.AFTER_CHANGE, Tier.PAGE, [{"largest": 49}, {"from_new_network": False}]),
    ],
)  # fmt: skip
def test_each_rule_tells_from_its_figures_on_unless_a_mark_has_raised_them(
    facts: Any, rule: Detection, tier: Tier, less: list[dict[str, Any]]
) -> None:
    assert told(facts) == [(rule, tier)]
    for figures in less:
        assert told(replace(facts, **figures)) == [], figures
    assert told(replace(facts, floor=1_000)) == []


def test_a_new_network_is_not_told_beside_what_was_done_from_it() -> None:
    elsewhere = replace(NEW_NETWORK, network="198.51.100.0/24")

    assert told(NEW_NETWORK, FROM_ELSEWHERE) == [(Detection.AFTER_CHANGE, Tier.PAGE)]
    assert told(elsewhere, FROM_ELSEWHERE) == [
        (Detection.NEW_NETWORK, Tier.QUEUE),
        (Detection.AFTER_CHANGE, Tier.PAGE),
    ]


def test_a_mark_leaves_a_sweep_of_more_and_a_longer_walk_to_be_told() -> None:
    (slightest,) = judge([WIDE])
    floor = slightest.measured * rules.MARK

    assert told(replace(WIDE, floor=floor)) == told(replace(IN_ORDER, floor=floor)) == []
    assert told(replace(WIDE, members=100, floor=floor)) == [(Detection.SWEEP, Tier.QUEUE)]
    assert told(replace(IN_ORDER, steps_down=100, floor=floor)) == [(Detection.SWEEP, Tier.QUEUE)]
    assert told(replace(WIDE, steps_down=100, floor=floor)) == [(Detection.SWEEP, Tier.QUEUE)]


def test_a_mark_on_all_there_is_one_after_the_other_silences_both() -> None:
    facts = replace(WIDE, members=100, steps_up=198)
    (marked,) = judge([facts])

    assert told(replace(facts, floor=marked.measured * rules.MARK)) == []


def test_an_estimate_is_of_no_more_members_than_there_are() -> None:
    facts = Reach(Whom("w1", "c1"), DAY, members=16_433, reachable=16_320, steps_up=0, steps_down=0, habit=0)

    (over,) = judge([facts])

    assert over.measured == over.figures["members"] == over.figures["reachable"] == 16_320
    assert over.summary.startswith("16320 of 16320 members within reach")
    assert list(judge([replace(facts, reachable=None)])) == []


def test_what_refusals_are_held_against_is_told() -> None:
    (found,) = judge([PROBING])

    assert found.summary.endswith("refused for want of a scope; in the 28 days before, 5 at most.")
