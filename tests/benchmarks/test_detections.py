"""Made-up partners who do nothing wrong are seldom told, and their spikes are seen."""

import pytest

from benchmarks.detections import simulated
from partners.vocabulary import Tier

pytestmark = pytest.mark.slow


def test_a_month_without_an_attack_pages_less_than_once_a_week_and_spikes_are_seen() -> None:
    judged = simulated(60, 28, seed=1)

    assert judged.per_week(Tier.PAGE) <= 1
    assert judged.per_week(Tier.QUEUE) <= 10
    assert judged.seen[Tier.PAGE] >= 0.7 * judged.spikes
    assert judged.seen[Tier.PAGE] + judged.seen[Tier.QUEUE] >= 0.85 * judged.spikes
