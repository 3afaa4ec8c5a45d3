"""A made-up feed: any number of the platform's events by a seeded generator, in the mix and order of a site's days."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate, count
from random import Random
from typing import Any

MODELS = 200
WEBMASTERS = ("northlight", "harbour", "meadow", "summit")
CAMPAIGNS = ("spring", "summer", "autumn", "winter")
START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 180
LATE = 0.02
"""The share of events that arrive up to two days after their time."""

_COUNTRIES = ("LU", "DE", "FR", "US", "JP", "BR", "GB", "ES")
_ACTIONS = ("like", "comment", "rating", "feedback", "message", "room_visit", "private_chat", "video_call")
_FEATURES = ("private_chat", "tip", "video_call", "message")
_AGENTS = tuple(
    f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
    for system in ("Windows NT 10.0; Win64; x64", "X11; Linux x86_64", "Macintosh; Intel Mac OS X 10_15_7")
    for version in range(120, 150)
)
_WITH_MODEL = ("model.favorited", "model.unfavorited", "fanclub.joined", "fanclub.left", "gift.sent")
Told = tuple[str, str | None, dict[str, Any]]
"""Type, subject and data of an event."""


@dataclass
class Site:
    """What the generator remembers of its own story."""

    random: Random
    members: int
    registered: int = 0
    purchases: Iterator[int] = field(default_factory=count)
    refundable: list[tuple[str, str]] = field(default_factory=list)

    def somebody(self) -> str:
        """A member who is registered."""
        return f"m-{self.random.randrange(self.registered)}"

    def model(self) -> str:
        """A model; some are far better known than others."""
        return f"model-{int(MODELS * self.random.random() ** 2)}"


def feed(events: int, *, members: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield so many events over half a year: models first; members join until the middle; all else is about them."""
    site = Site(Random(seed), members)  # noqa: S311 - a story, no secret
    first = [("model.registered", f"model-{number}", {"name": f"Model {number}"}) for number in range(MODELS)]
    for number in range(events):
        told = (
            first[number] if number < MODELS else _next(site, joins=number * members >= events // 2 * site.registered)
        )
        at = START + timedelta(days=DAYS) * (number / events)
        if site.random.random() < LATE and told[0] != "member.registered":
            at -= timedelta(hours=site.random.random() * 48)
        yield _event(number, told, at)


def _event(number: int, told: Told, at: datetime) -> dict[str, Any]:
    type_, subject, data = told
    of = {} if subject is None else {"subject": subject}
    envelope = {"specversion": "1.0", "id": f"event-{number:09d}", "source": "/benchmark", "type": type_}
    return {**envelope, **of, "time": at.isoformat(timespec="milliseconds"), "data": data}


def _next(site: Site, *, joins: bool) -> Told:
    if joins and site.registered < site.members:
        site.registered += 1
        return _registered(site)
    (tell,) = site.random.choices(_KINDS, cum_weights=_UP_TO)
    return tell(site)


def _registered(site: Site) -> Told:
    number, random = site.registered - 1, site.random
    data = {"username": f"user_{number}", "site": "main", "country": random.choice(_COUNTRIES)}
    if number % 3:
        data |= {
            "webmaster": random.choice(WEBMASTERS),
            "campaign": random.choice(CAMPAIGNS),
            "sub1": f"s{number % 50}",
        }
    if number % 2:
        data |= {"user_agent": random.choice(_AGENTS)}
    return "member.registered", f"m-{number}", data


def _updated(site: Site) -> Told:
    random = site.random
    change: dict[str, Any] = random.choice(
        (
            {"country": random.choice(_COUNTRIES)},
            {"mask": f"mask-{random.randrange(1_000)}", "regular_payer": random.choice((True, False))},
            {"site": random.choice(("main", "second"))},
            {"profile": {"age": random.randrange(18, 90), "nickname": f"Nick {random.randrange(1_000)}"}},
            {"profile": {"location": "Luxembourg", "turn_ons": "Long walks", "leisure": "Hiking"}},
        )
    )
    return "member.updated", site.somebody(), change


def _renamed(site: Site) -> Told:
    return "member.updated", site.somebody(), {"username": f"name_{site.random.randrange(10**9)}"}


def _seen(site: Site) -> Told:
    return "member.device_seen", site.somebody(), {"user_agent": site.random.choice(_AGENTS)}


def _privacy(site: Site) -> Told:
    random = site.random
    data: dict[str, Any] = random.choice(
        (
            {"affiliate_sharing": random.choice((True, True, True, False))},
            {"profile_visibility": random.choice(("all_models", "private_chatted", "private"))},
            {"profile_item_visibility": {"age": random.choice(("private", None))}, "mask_visibility": "public"},
        )
    )
    return "member.privacy_changed", site.somebody(), data


def _signal(site: Site) -> Told:
    return "member.signal_received", site.somebody(), {"signal": site.random.choice(("gpc", "dnt", "dnt", "dnt"))}


def _purchased(site: Site) -> Told:
    purchase, who, random = f"p-{next(site.purchases)}", site.somebody(), site.random
    site.refundable.append((purchase, who))
    amount = f"{random.randrange(5, 300)}.{random.randrange(100):02d}"
    data = {"purchase_id": purchase, "credits": random.randrange(10, 500), "amount": amount, "currency": "EUR"}
    return "credits.purchased", who, data | random.choice(({"income": "7.35"}, {"income": "1.20"}, {}))


def _refunded(site: Site) -> Told:
    if not site.refundable:
        return _purchased(site)
    purchase, who = site.refundable.pop(site.random.randrange(len(site.refundable)))
    return "credits.refunded", who, {"purchase_id": purchase, "reason": "refund"}


def _spent(site: Site) -> Told:
    data = {"model": site.model(), "feature": site.random.choice(_FEATURES), "credits": site.random.randrange(1, 200)}
    return "credits.spent", site.somebody(), data


def _acted(site: Site) -> Told:
    return "action.performed", site.somebody(), {"model": site.model(), "action": site.random.choice(_ACTIONS)}


def _with_model(site: Site) -> Told:
    return site.random.choice(_WITH_MODEL), site.somebody(), {"model": site.model()}


def _traffic(site: Site) -> Told:
    random = site.random
    slot = START + timedelta(minutes=15) * random.randrange(DAYS * 96)
    clicks = random.randrange(1, 500)
    referrer = {"webmaster": random.choice(WEBMASTERS), "campaign": random.choice(CAMPAIGNS)}
    return (
        "campaign.traffic",
        None,
        referrer | {"slot": slot.isoformat(), "clicks": clicks, "unique_clicks": clicks // 2},
    )


_MIX: dict[Callable[[Site], Told], int] = {
    _spent: 26,
    _acted: 26,
    _purchased: 12,
    _with_model: 10,
    _seen: 8,
    _updated: 7,
    _traffic: 5,
    _privacy: 3,
    _refunded: 1,
    _signal: 1,
    _renamed: 1,
}
"""How often each kind of event comes, of a hundred."""
_KINDS = tuple(_MIX)
_UP_TO = tuple(accumulate(_MIX.values()))
