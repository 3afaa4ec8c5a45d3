"""The benchmark runs: everything it asks is answered by the gateway and by both floors."""

import pytest

from benchmarks.__main__ import staged
from benchmarks.rounds import Measured, run, table


@pytest.mark.slow
def test_one_short_round_measures_every_scenario() -> None:
    with staged(members=200, workers=1) as stage:
        lines = run(stage.scenarios, stage.ports, rounds=1, seconds=0.2)

    assert [line.scenario.name.split()[0] for line in lines] == ["card", "page", "statistics", "export"]
    assert all(line.rates[server] > 0 for line in lines for server in Measured)
    assert len(table(lines).splitlines()) == 1 + len(lines)
