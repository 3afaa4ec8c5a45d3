"""Measuring in turns: every scenario against every server, round after round, and the medians of what was seen."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from statistics import median

from benchmarks.load import Order, Seen
from benchmarks.scenarios import Scenario


class Measured(StrEnum):
    """What is measured, in turns."""

    GATEWAY = "gateway"
    FLOOR = "plain"
    RECORDED_FLOOR = "recorded"


@dataclass(frozen=True)
class Line:
    """Medians of a scenario, in its unit, and of the ratios within each round."""

    scenario: Scenario
    rates: Mapping[Measured, float]
    to_floor: float
    to_recorded_floor: float


def run(
    scenarios: Sequence[Scenario], ports: Mapping[Measured, int], *, rounds: int, seconds: float
) -> tuple[Line, ...]:
    """Measure `rounds` times, server after server within a scenario; raise where an answer was not a 200.

    A round goes before that is not counted: PostgreSQL plans a statement anew ten times on each connection.
    """
    for scenario, port in ((scenario, port) for scenario in scenarios for port in ports.values()):
        measure(scenario, port, seconds=seconds)
    seen = [list(_round(scenarios, ports, seconds)) for _ in range(rounds)]
    return tuple(
        _line(scenario, list(rates)) for scenario, rates in zip(scenarios, zip(*seen, strict=True), strict=True)
    )


def _round(
    scenarios: Sequence[Scenario], ports: Mapping[Measured, int], seconds: float
) -> Iterator[dict[Measured, float]]:
    for scenario in scenarios:
        yield {server: measure(scenario, port, seconds=seconds) for server, port in ports.items()}


def measure(scenario: Scenario, port: int, *, seconds: float) -> float:
    """Ask as fast as it is answered, and return the rate; raise where an answer was not a 200."""
    order = Order(port, list(scenario.paths), dict(scenario.headers), scenario.connections, seconds)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(asdict(order)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seen = Seen(**json.loads(done.stdout))
    return seen.answers * scenario.worth / seen.seconds


def _line(scenario: Scenario, rates: Sequence[Mapping[Measured, float]]) -> Line:
    def ratio(server: Measured) -> float:
        return median(rate[Measured.GATEWAY] / rate[server] for rate in rates)

    medians = {server: median(rate[server] for rate in rates) for server in Measured}
    return Line(scenario, medians, ratio(Measured.FLOOR), ratio(Measured.RECORDED_FLOOR))


def table(lines: Sequence[Line]) -> str:
    """The lines as text."""
    heading = ("scenario", "unit", *Measured, "of plain", "of recorded")
    rows = [heading, *(_row(line) for line in lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.rjust, row, widths)) for row in rows)


def _row(line: Line) -> tuple[str, ...]:
    rates = (f"{line.rates[server]:,.0f}" for server in Measured)
    return line.scenario.name, line.scenario.unit, *rates, f"{line.to_floor:.0%}", f"{line.to_recorded_floor:.0%}"
