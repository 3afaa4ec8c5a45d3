"""The demo's members: each has the purchases of a real customer, a real user agent, and an invented name."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from itertools import groupby
from operator import attrgetter, itemgetter
from random import Random

from gateway.demo.cast import CAST, WEBMASTERS, Role

CREDITS_PER_UNIT = 30
CURRENCY = "USD"
SITES = ("main", "main", "main", "night", "club")
ROLES = {role.customer: role for role in CAST}
NEVER_BOUGHT = {"9001": 12, "9002": 45, "9003": 200}
"""Invented members without a purchase, by how many days before the demo they registered."""
_FIRST = (
    "amber blue bold brisk calm clear cosy dusty early faint gentle golden grand hazy hidden jolly late lone lucky "
)
_FIRST += "merry misty noble odd pale plain proud quick quiet rare ruby rusty shy silent silver sly soft spare steady "
_FIRST += "stray sunny tall tidy tiny vivid wandering warm wild windy young"
_SECOND = "acorn badger barley birch bison cedar cloud comet coral crane cricket dune falcon fern finch ginger heron "
_SECOND += "hazel ibis iris jasper juniper kestrel lark lemon lynx maple marlin meadow moth nettle otter pebble pine "
_SECOND += "plover quail raven reed robin saffron sparrow thistle thyme tulip vole walnut willow wren yarrow"


@dataclass(frozen=True)
class Purchase:
    """Credits bought at an instant for an amount in the demo's currency; its id says nothing of its member (R1)."""

    id: str
    at: datetime
    credits: int
    amount: str


@dataclass(frozen=True)
class Referral:
    """The webmaster's campaign a member came by."""

    webmaster: str
    campaign: str
    sub1: str


@dataclass(frozen=True)
class Member:
    """A member of the demo before anything is told about them."""

    id: str
    username: str
    site: str
    country: str
    user_agent: str
    referral: Referral | None
    registered_at: datetime
    purchases: tuple[Purchase, ...]
    role: Role | None


def dice(*seed: object) -> Random:
    """Chance that falls alike each time it is asked with the same seed."""
    return Random(" ".join(map(str, seed)))  # noqa: S311 - invents sample data, and nothing secret


def members(today: date) -> Iterator[Member]:
    """Every member; the last purchase of all falls on the day before `today`, the real gaps are kept."""
    agents, names = _rows("user_agents.csv"), _usernames()
    rows = _rows("purchases.csv")
    ids = iter(dice("purchases").sample(range(1, len(rows) + 1), len(rows)))
    shift = today - timedelta(days=1) - date.fromisoformat(max(row["date"] for row in rows))
    for customer, bought in groupby(rows, key=itemgetter("customer")):
        chance = dice(customer)
        purchases = tuple(sorted((_purchase(next(ids), row, shift, chance) for row in bought), key=attrgetter("at")))
        registered_at = purchases[0].at - timedelta(minutes=chance.randrange(10, 3_000))
        yield _member(customer, next(names), chance.choice(agents), registered_at=registered_at, purchases=purchases)
    for number, days in NEVER_BOUGHT.items():
        registered_at = datetime.combine(today, time(19, 30), UTC) - timedelta(days=days)
        yield _member(number, next(names), dice(number).choice(agents), registered_at=registered_at, purchases=())


def _member(
    number: str, username: str, agent: dict[str, str], *, registered_at: datetime, purchases: tuple[Purchase, ...]
) -> Member:
    chance, role = dice("member", number), ROLES.get(number)
    return Member(
        id=f"m-{number}",
        username=role.username if role else username,
        site=chance.choice(SITES),
        country=agent["country"],
        user_agent=agent["user_agent"],
        referral=_referral(chance, role),
        registered_at=registered_at,
        purchases=purchases,
        role=role,
    )


def _referral(chance: Random, role: Role | None) -> Referral | None:
    (webmaster,) = chance.choices([*WEBMASTERS, None], weights=[8, 4, 3, 2, 3])
    if role is not None:
        webmaster = WEBMASTERS[0]
    if webmaster is None:
        return None
    return Referral(webmaster.id, chance.choice(list(webmaster.campaigns)), f"banner-{chance.randrange(1, 10)}")


def _purchase(number: int, row: dict[str, str], shift: timedelta, chance: Random) -> Purchase:
    # No later than 20:00, so that what follows a purchase on the last day still lies before the demo.
    moment = time(chance.randrange(8, 20), chance.randrange(60), chance.randrange(60), tzinfo=UTC)
    day = date.fromisoformat(row["date"]) + shift
    bought = int(row["units"]) * CREDITS_PER_UNIT
    return Purchase(f"p-{number:06}", datetime.combine(day, moment), bought, row["amount_usd"])


def _usernames() -> Iterator[str]:
    first, second = _FIRST.split(), _SECOND.split()
    pairs = [f"{adjective}_{noun}" for adjective in first for noun in second]
    return iter(dice("usernames").sample(pairs, len(pairs)))


def _rows(name: str) -> list[dict[str, str]]:
    with files("gateway.demo").joinpath(name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
