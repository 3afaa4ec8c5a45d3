"""How often the detections are wrong, and how often right: `python -m benchmarks.detections`; needs no database."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

import click

from benchmarks.made_up_partners import START, Done, Partner, history, partners
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
    Suspicion,
    Whom,
    Window,
)
from partners.vocabulary import Detection, Tier

WARM_UP = 60
"""Days before the month that is judged."""
BASELINE = rules.BASELINE.days
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass
class Books:
    """What was counted of everybody, as `partners.detections.counting` keeps it."""

    days: dict[str, dict[int, Done]] = field(default_factory=lambda: defaultdict(dict))
    by_kind: dict[str, dict[int, list[tuple[str, int]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )

    def add(self, done: Done) -> None:
        """Count a day."""
        self.days[done.partner.name][done.number] = done
        if done.members:
            self.by_kind[done.partner.kind][done.number].append((done.partner.name, done.members))

    def before(self, done: Done, days: int = BASELINE) -> list[Done]:
        """The partner's active days in the time before."""
        own = self.days[done.partner.name]
        return [own[n] for n in range(done.number - days, done.number) if n in own and own[n].members]

    def peers(self, done: Done) -> list[int]:
        """The active days of the others of its kind."""
        kind = self.by_kind[done.partner.kind]
        numbers = range(done.number - BASELINE, done.number)
        return [members for n in numbers for name, members in kind[n] if name != done.partner.name]


@dataclass(frozen=True)
class Judged:
    """What a simulation came to."""

    partners: int
    days: int
    told: Counter[tuple[Tier, Detection]]
    spikes: int
    seen: Counter[Tier]
    """Of the spikes, by the tier in which they were told."""

    def per_week(self, tier: Tier) -> float:
        """False alerts a week in a tier."""
        return sum(count for (each, _), count in self.told.items() if each is tier) * 7 / self.days

    def lines(self) -> Iterator[str]:
        """As people read it."""
        yield f"{self.partners} partners, {self.days} days in which nothing happens:"
        for tier in Tier:
            yield f"  {tier}: {self.per_week(tier):.2f} false alerts a week"
        for (tier, rule), count in sorted(self.told.items()):
            yield f"    {tier} {rule}: {count}"
        paged, told = self.seen[Tier.PAGE], self.seen[Tier.PAGE] + self.seen[Tier.QUEUE]
        shares = f"{told / self.spikes:.0%} told, {paged / self.spikes:.0%} paged"
        yield f"{self.spikes} days of ten times the usual volume: {shares}"


def simulated(count: int, days: int, seed: int) -> Judged:
    """A month of partners that do nothing wrong, and then each with a day of ten times the volume."""
    random = Random(seed)  # noqa: S311 - a story, no secret
    everybody, last = partners(random, count, WARM_UP + days), WARM_UP + days
    books = Books()
    for partner in everybody:
        for done in history(random, partner, last):
            books.add(done)
    told = Counter[tuple[Tier, Detection]]()
    for partner in everybody:
        for number in range(max(WARM_UP, partner.joined), last):
            told.update((each.tier, each.rule) for each in judge(_facts(books, books.days[partner.name][number])))
    spikes = [_spiked(random, books, partner, last) for partner in everybody]
    seen = Counter(tier for done in spikes for tier in _tiers(judge([_volume(books, done)])))
    return Judged(count, days, told, len(spikes), seen)


def _tiers(found: Iterator[Suspicion]) -> set[Tier]:
    return {each.tier for each in found if each.rule is Detection.VOLUME}


def _spiked(random: Random, books: Books, partner: Partner, last: int) -> Done:
    """An active day on which ten times as much was asked for."""
    own = [done for n, done in books.days[partner.name].items() if n >= WARM_UP and done.members]
    chosen = random.choice(own) if own else Done(partner, last - 1, round(partner.daily) + 1)
    return replace(chosen, members=chosen.members * 10)


def _facts(books: Books, done: Done) -> Iterator[Facts]:
    whole, before = Whom(done.partner.name), books.before(done)
    own, joined = Whom(done.partner.name, "client"), START + timedelta(days=done.partner.joined)
    yield _volume(books, done)
    if done.most_misses >= rules.FEWEST_MISSES:
        misses = [each.misses for each in before]
        yield Lookups(own, _window(done.at, HOUR), done.lookups_then, done.most_misses, misses)
    if done.refused:
        most = max((each.refused for each in before), default=0)
        yield Refusals(own, _window(done.at, HOUR), done.requests_then, done.refused, most)
    if done.partner.sweeps and done.members >= rules.FEWEST_MEMBERS:
        habit = 1.0 if len(before) >= rules.FEWEST_DAYS else 0.3
        yield Reach(own, _window(done.at, DAY), done.members, done.members, 0, 0, habit)
    yield from _of_networks(books, done, own, joined)
    yield from _of_hours(books, done, whole, joined)


def _volume(books: Books, done: Done) -> Day:
    is_known = done.number - done.partner.joined >= BASELINE
    before = [each.members for each in books.before(done)] if is_known else []
    peers = books.peers(done) if len(before) < rules.FEWEST_DAYS else []
    return Day(Whom(done.partner.name), _window(done.at, DAY), done.members, before, peers)


def _of_networks(books: Books, done: Done, own: Whom, joined: datetime) -> Iterator[Facts]:
    bulk = done.members if done.partner.exports else 20
    if done.new_networks:
        numbers = range(done.number - BASELINE, done.number)
        days = books.days[done.partner.name]
        earlier = sum(days[n].new_networks for n in numbers if n in days)
        yield Network(own, _window(done.at, DAY), "192.0.2.0/24", joined, earlier)
        if done.at - joined > rules.HISTORY and done.members:
            yield Change(own, _window(done.at, HOUR), "network", bulk, True, done.partner.exports, "192.0.2.0/24")  # noqa: FBT003
    if done.new_secret and done.number > done.partner.joined:
        yield Change(own, _window(done.at, HOUR), "credentials", bulk, bool(done.new_networks), done.partner.exports)


def _of_hours(books: Books, done: Done, whole: Whom, joined: datetime) -> Iterator[Facts]:
    days = books.days[done.partner.name]
    for hour, members in done.by_hour.items():
        at = done.at + hour * HOUR
        near = [at - week * 7 * DAY + step * HOUR for week in range(1, 9) for step in (-1, 0, 1)]
        used = any((day := days.get((each - START).days)) and each.hour in day.by_hour for each in near)
        yield Hour(whole, _window(at, HOUR), members, joined, bool(used))


def _window(since: datetime, length: timedelta) -> Window:
    return Window(since, since + length)


@click.command()
@click.option("--partners", "count", default=200, show_default=True, type=click.IntRange(10))
@click.option("--days", default=28, show_default=True, type=click.IntRange(7))
@click.option("--seed", default=1, show_default=True)
def main(count: int, days: int, seed: int) -> None:
    """Tell false alerts and spikes seen, over made-up partners that do nothing wrong."""
    for line in simulated(count, days, seed).lines():
        click.echo(line)


if __name__ == "__main__":
    main()
