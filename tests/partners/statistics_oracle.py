"""Statistics in plain Python, for tests: random events and questions, and what the answers must be."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import cmp_to_key
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from partners.currencies import DECIMALS
from partners.statistics import Choice, Question, Sort
from partners.vocabulary import Metric, StatisticsFilter, StatisticsGroup
from tests.partners.statistics_asking import Line

ZONES = (
    "UTC",
    "Europe/Luxembourg",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Eucla",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
)
WINDOWS = [datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 4, 3, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)]
"""Around the days on which clocks change."""
WINDOW_DAYS = 6
WEBMASTERS = {"w1": ("spring", "Autumn"), "w2": ("spring",)}
SUBS: list[dict[str, Any]] = [{"sub1": "a", "sub2": "x"}, {"sub1": "B"}, {"sub1": "a", "erased": True}, {}]
"""Of the members there are."""
LAPSED = 1
"""The member whose usage data is kept no longer."""
CURRENCIES = ["EUR", "JPY", "KWD"]
CHOICES = {
    StatisticsFilter.CAMPAIGN: ["spring", "Autumn", "nobody-s"],
    StatisticsFilter.SITE: ["main", "alt"],
    StatisticsFilter.COUNTRY: ["LU", "FR"],
    StatisticsFilter.DEVICE_TYPE: ["mobile", "desktop"],
    StatisticsFilter.CURRENCY: CURRENCIES,
}
MONEY = {Metric.AMOUNT, Metric.REFUNDED_AMOUNT, Metric.INCOME}
COUNTS = set(Metric) - MONEY - {Metric.CREDITS}


@dataclass(frozen=True)
class World:
    """What happened, as rows with codes in the place of numbers."""

    start: datetime
    registrations: list[dict[str, Any]]
    entries: list[dict[str, Any]]
    traffic: dict[tuple[str, str, datetime], tuple[int, int]]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    start = draw(st.sampled_from(WINDOWS))
    minutes = st.integers(0, WINDOW_DAYS * 24 * 12).map(lambda fives: start + timedelta(minutes=5 * fives))
    at = st.builds(lambda minute, second: minute + timedelta(seconds=second), minutes, st.sampled_from([0, 59]))
    seen = {
        "at": at,
        "referral": st.sampled_from([("w1", "spring"), ("w1", "Autumn"), ("w1", None), ("w2", "spring"), ("w2", None)]),
        "site": st.sampled_from(["main", "alt"]),
        "country": st.sampled_from(["LU", "FR", "JP"]),
        "device_type": st.sampled_from([None, "mobile", "desktop"]),
        "counted": st.sampled_from([True, True, True, False]),
    }
    entry = seen | {
        "type": st.sampled_from(["purchase", "purchase", "reversal"]),
        "member": st.sampled_from([None, 0, 1, 2, 3]),
        "credits": st.integers(1, 100),
        "amount": st.integers(0, 9_999),
        "currency": st.sampled_from(CURRENCIES),
        "income": st.integers(0, 999),
        "first": st.booleans(),
        "booked_month": st.sampled_from([start.date().replace(day=1), start.date().replace(day=1, month=2)]),
    }
    registrations = draw(st.lists(st.fixed_dictionaries(seen), min_size=3, max_size=8))
    slots = st.builds(lambda quarter: start + timedelta(minutes=15 * quarter), st.integers(0, WINDOW_DAYS * 96))
    places = st.tuples(*(st.sampled_from(["w1"]), st.sampled_from(WEBMASTERS["w1"]), slots))
    return World(
        start,
        [row | {"member": place if place < len(SUBS) else None} for place, row in enumerate(registrations)],
        draw(st.lists(st.fixed_dictionaries(entry).map(_signed), min_size=8, max_size=25)),
        draw(st.dictionaries(places, st.tuples(st.integers(0, 9), st.integers(0, 3)), min_size=3, max_size=8)),
    )


def _signed(entry: dict[str, Any]) -> dict[str, Any]:
    if entry["type"] == "purchase":
        return entry
    return entry | {"first": False} | {name: -entry[name] for name in ("credits", "amount", "income")}


@st.composite
def questions(draw: st.DrawFn, start: datetime) -> Question:
    first = start.date() + timedelta(days=draw(st.integers(-1, 2)))
    groups = draw(st.lists(st.sampled_from(list(StatisticsGroup)), min_size=1, max_size=4, unique=True))
    chosen = draw(st.lists(st.sampled_from(list(StatisticsFilter)), max_size=2, unique=True))
    return Question(
        first=first,
        last=first + timedelta(days=draw(st.integers(0, WINDOW_DAYS + 2))),
        zone=ZoneInfo(draw(st.sampled_from(ZONES))),
        groups=tuple(groups),
        filters={
            name: Choice(tuple(draw(st.lists(st.sampled_from(CHOICES[name]), min_size=1))), draw(st.booleans()))
            for name in chosen
        },
        sort=draw(st.none() | st.builds(Sort, st.sampled_from([*groups, *Metric]), st.booleans())),
        limit=draw(st.sampled_from([1, 2, 5, 1_000])),
    )


def facts(
    world: World, webmaster: str, *, with_devices: bool
) -> Iterator[tuple[datetime, dict[str, Any], dict[Metric, int]]]:
    """What counts for a webmaster: when, with which dimensions, how much."""
    for (owner, campaign, slot), (clicks, unique) in world.traffic.items():
        if owner == webmaster:
            yield slot, {"campaign": campaign}, {Metric.CLICKS: clicks, Metric.UNIQUE_CLICKS: unique}
    for row in (*world.registrations, *world.entries):
        if row["counted"] and row["referral"][0] == webmaster:
            yield row["at"], _dimensions(row, with_devices=with_devices), _figures(row)


def _dimensions(row: dict[str, Any], *, with_devices: bool) -> dict[str, Any]:
    known = SUBS[row["member"]] if row["member"] is not None else {}
    subs = {} if known.get("erased") or (with_devices and row["member"] == LAPSED) else known
    seen = {name: row.get(name) for name in ("site", "country", "device_type", "currency")}
    return {"campaign": row["referral"][1], **seen, **subs}


def _figures(row: dict[str, Any]) -> dict[Metric, int]:
    if "type" not in row:
        return {Metric.REGISTRATIONS: 1}
    if row["type"] == "reversal":
        return {Metric.REFUNDS: 1, Metric.REFUNDED_AMOUNT: -row["amount"], Metric.INCOME: row["income"]}
    bought = {Metric.PURCHASES: 1, Metric.FIRST_PURCHASES: int(row["first"])}
    return bought | {Metric.CREDITS: row["credits"], Metric.AMOUNT: row["amount"], Metric.INCOME: row["income"]}


def expected(world: World, webmaster: str, question: Question) -> tuple[list[Line], list[Line]]:
    """The rows in order, and the totals."""
    rows: dict[Any, dict[Metric, int]] = defaultdict(lambda: defaultdict(int))
    totals: dict[Any, dict[Metric, int]] = defaultdict(lambda: defaultdict(int))
    with_devices = "device_type" in {*question.groups, *question.filters}
    for at, dimensions, figures in facts(world, webmaster, with_devices=with_devices):
        local = _quarter(at).astimezone(question.zone)
        if not question.first <= local.date() <= question.last or not _passes(dimensions, question):
            continue
        values = _times(local) | dimensions
        key = tuple(values.get(group) for group in question.groups)
        for metric, figure in figures.items():
            rows[key, dimensions.get("currency")][metric] += figure
            totals[(), dimensions.get("currency")][metric] += figure
    totals[(), None] |= {}
    return _ordered(_lines(rows), question), sorted(
        _lines(totals, even_empty=True), key=lambda line: (line.currency is None, line.currency)
    )


def _quarter(at: datetime) -> datetime:
    return at.replace(minute=at.minute // 15 * 15, second=0)


def _passes(dimensions: dict[str, Any], question: Question) -> bool:
    return all(
        (dimensions.get(name) in choice.values) is not choice.excludes for name, choice in question.filters.items()
    )


def _times(local: datetime) -> dict[str, Any]:
    day, offset = local.date(), local.utcoffset()
    assert offset is not None
    return {
        "hour": local.replace(minute=0, tzinfo=timezone(offset)),
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
    }


def _lines(found: dict[Any, dict[Metric, int]], *, even_empty: bool = False) -> list[Line]:
    return [
        Line(
            key,
            currency,
            tuple(None if metric in MONEY and currency is None else figures.get(metric, 0) for metric in Metric),
        )
        for (key, currency), figures in found.items()
        if (even_empty and currency is None) or any(figures.get(metric, 0) for metric in COUNTS)
    ]


def _ordered(lines: list[Line], question: Question) -> list[Line]:
    def compare(one: Line, other: Line) -> int:
        if question.sort is not None:
            first = _compare(_sorted_by(one, question), _sorted_by(other, question), down=question.sort.descending)
            if first:
                return first
        pairs = zip((*one.groups, one.currency), (*other.groups, other.currency), strict=True)
        return next((order for a, b in pairs if (order := _compare(a, b))), 0)

    return sorted(lines, key=cmp_to_key(compare))


def _sorted_by(line: Line, question: Question) -> Any:
    assert question.sort is not None
    if isinstance(question.sort.by, StatisticsGroup):
        return line.groups[question.groups.index(question.sort.by)]
    figure = line.figures[list(Metric).index(question.sort.by)]
    if question.sort.by not in MONEY or figure is None or line.currency is None:
        return figure
    return Decimal(figure).scaleb(-DECIMALS[line.currency])


def _compare(one: Any, other: Any, *, down: bool = False) -> int:
    """Null last in either direction."""
    if one is None or other is None:
        return (one is None) - (other is None)
    order = int(one > other) - int(one < other)
    return -order if down else order
