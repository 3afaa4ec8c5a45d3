"""Figures of a suspicion are such as can be."""

from dataclasses import replace
from datetime import UTC, datetime

from partners.detections.judging import judge
from partners.detections.suspicions import Reach, Whom, Window

DAY = Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC))


def test_an_estimate_is_of_no_more_members_than_there_are() -> None:
    facts = Reach(Whom("w1", "c1"), DAY, members=16_433, reachable=16_320, steps_up=0, steps_down=0, habit=0)

    (over,) = judge([facts])

    assert over.measured == 1
    assert over.figures["members"] == over.figures["reachable"] == 16_320
    assert over.summary.startswith("16320 of 16320 members within reach")
    assert list(judge([replace(facts, reachable=None)])) == []
