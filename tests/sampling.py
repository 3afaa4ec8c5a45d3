"""How much of what is endless is tried: a sample that a change can wait for; `SAMPLES=4` takes four times as much."""

import os

SAMPLES = int(os.environ.get("SAMPLES", "1"))


def samples(usual: int) -> int:
    """Return how many to try."""
    return usual * SAMPLES
