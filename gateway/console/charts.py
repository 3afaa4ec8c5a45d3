"""Charts: lengths and heights for SVG in percent, so that they fit any page without a script."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

STEPS = (1, 2, 4, 6, 8, 10)
"""Where an axis may end, times a power of ten."""
GAP = 0.24
"""Of a column's room."""
MOST_LABELS = 10
SHADES = 5


class Part(NamedTuple):
    """A piece of a bar or column: which series it is of, where it begins, and how long it is, in percent."""

    series: int
    start: float
    length: float


class Column(NamedTuple):
    """One column of a chart over time."""

    at: datetime
    x: float
    width: float
    parts: list[Part]
    counts: Sequence[int]
    label: str
    """Nothing where the axis has no room for it."""


@dataclass(frozen=True)
class Columns:
    """A chart over time."""

    columns: list[Column]
    top: int
    """Where the axis ends."""


def bar(values: Sequence[int], whole: int) -> list[Part]:
    """The parts of a bar, one after the other; `whole` is as long as there is room."""
    parts, start = [], 0.0
    for series, value in enumerate(values):
        length = 100 * value / whole if whole else 0.0
        if value:
            parts.append(Part(series, round(start, 3), round(length, 3)))
        start += length
    return parts


def columns(rows: Sequence[tuple[datetime, Sequence[int]]], step: timedelta) -> Columns:
    """A column for each instant, its series on top of each other."""
    top = axis(max((sum(values) for _, values in rows), default=0))
    room = 100 / max(len(rows), 1)
    every = -(-len(rows) // MOST_LABELS) or 1
    written = "%H:00" if step < timedelta(days=1) else "%-d %b"
    return Columns(
        [
            Column(
                at,
                round(number * room + room * GAP / 2, 3),
                round(room * (1 - GAP), 3),
                [Part(part.series, round(100 - part.start - part.length, 3), part.length) for part in bar(values, top)],
                values,
                at.strftime(written) if number % every == 0 else "",
            )
            for number, (at, values) in enumerate(rows)
        ],
        top,
    )


def axis(largest: int) -> int:
    """The round number at which an axis ends, at least as large, and even so that it can be halved."""
    if largest <= 2:  # noqa: PLR2004 - no axis is shorter
        return 2
    power: int = 10 ** (len(str(largest)) - 1)
    return next(step * power for step in STEPS if step * power >= largest and step * power % 2 == 0)


def shade(value: int, largest: int) -> int:
    """How dark a cell of a heat map is, from 0 for nothing to 5 for the largest."""
    return -(-value * SHADES // largest) if value and largest else 0


def largest(values: Iterable[int]) -> int:
    """The largest, or 0."""
    return max(values, default=0)
