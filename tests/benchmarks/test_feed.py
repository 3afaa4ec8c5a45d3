"""The feed's benchmark runs: the real command line takes all of a made-up feed, and the same seed tells the same."""

import pytest

from benchmarks.feed import measured
from benchmarks.feed_events import feed


@pytest.mark.slow
def test_a_small_feed_is_measured() -> None:
    ingested = measured(5_000, members=50, seed=1)

    assert (ingested.report["accepted"], ingested.report["rejected"]) == (5_000, 0)
    assert min(ingested.seconds, ingested.ingest_cpu, ingested.database_cpu, ingested.peak_mb) > 0
    assert "events/s: " in ingested.told()


def test_the_same_seed_tells_the_same_feed() -> None:
    assert list(feed(2_000, members=20, seed=3)) == list(feed(2_000, members=20, seed=3))
