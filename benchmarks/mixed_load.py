"""Everything at once: each kind of request in a thread of its own, at its own pace, with what may come back."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from random import Random
from typing import Any

import orjson

from benchmarks.filling import MODEL, WEBMASTER
from gateway.demo import tokens
from gateway.demo.credentials import Credentials

RENEW_S = 240
"""Tokens are asked for anew well before the ten minutes they live."""
SUSPENDED = "harbour"
"""The webmaster that is suspended and resumed all the while."""
EVENTS = 100
LINES = {"Content-Type": "application/x-ndjson"}
GOOD = frozenset({200, 429})
Headers = dict[str, str]


@dataclass(frozen=True)
class Wish:
    """One request."""

    path: str
    method: str = "GET"
    body: bytes | None = None
    headers: Headers = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """Requests of one kind: on whose behalf, how often, and which answers are in order."""

    name: str
    whom: str
    next_wish: Callable[[Random], Wish]
    pause_s: float
    good: frozenset[int] = GOOD


@dataclass
class Seen:
    """What came back: statuses, and the seconds each answer took."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """The time within which that share of all answers came."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0

    def errors(self, good: frozenset[int]) -> int:
        """How many answers were not in order; a connection that broke counts as status 0."""
        return sum(count for status, count in self.statuses.items() if status not in good)


@dataclass
class Caller:
    """A thread's connection and token."""

    held: Credentials
    port: int
    kind: Kind
    seen: Seen
    _token: Headers = field(default_factory=dict)
    _since: float = 0.0
    _connection: HTTPConnection | None = None

    def go_on(self, stop: threading.Event, seed: int) -> None:
        """Ask until told to stop."""
        chance = Random(seed)  # noqa: S311 - load, not secrets
        while not stop.wait(self.kind.pause_s):
            begun = time.monotonic()
            status = self._ask(self.kind.next_wish(chance))
            self.seen.seconds.append(time.monotonic() - begun)
            self.seen.statuses[status] += 1
            if status == HTTPStatus.UNAUTHORIZED:
                self._since = 0.0
        self._leave()

    def _ask(self, wish: Wish) -> int:
        if self._connection is None:
            self._connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            self._connection.request(wish.method, wish.path, wish.body, {**self._headers(), **wish.headers})
            with self._connection.getresponse() as answer:
                answer.read()
                return answer.status
        except (OSError, HTTPException):
            self._leave()
            return 0

    def _leave(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _headers(self) -> Headers:
        if time.monotonic() - self._since > RENEW_S or not self._token:
            try:
                answer = tokens.fetch(self.held, tokens.Wanted(self.kind.whom))
            except tokens.TokenError:
                # Suspended: the old token will do as well, for it is refused too.
                return self._token
            self._token, self._since = {"Authorization": f"Bearer {answer['access_token']}"}, time.monotonic()
        return self._token


def kinds(usernames: Sequence[str], refs: Sequence[str], today: date) -> tuple[Kind, ...]:
    """Every kind of request of the mixed load; `refs` are the webmaster's own."""
    first, own = today - timedelta(days=29), "/v1/webmaster"
    northlight, model = f"webmaster:{WEBMASTER}", f"model:{MODEL}"
    stats = f"{own}/stats?from={first}&to={today}&group_by=day,campaign,country"
    plain = (
        ("members", northlight, f"{own}/members?limit=100", 0.05),
        ("purchases", northlight, f"{own}/purchases?limit=100", 0.05),
        ("statistics", northlight, stats, 0.1),
        ("cards", model, "/v1/model/members?relation=any&limit=20", 0.1),
        ("audit", "auditor", f"/v1/audit/accesses?partner={WEBMASTER}&limit=20", 0.2),
    )
    return (
        *(Kind(name, whom, lambda _, path=path: Wish(path), pause) for name, whom, path, pause in plain),  # type: ignore[misc]  # mypy cannot type a default of a lambda
        Kind("card", model, lambda chance: Wish(f"/v1/model/members/{chance.choice(usernames)}"), 0.02),
        Kind("member", northlight, lambda chance: Wish(f"{own}/members/{chance.choice(refs)}"), 0.02, GOOD | {404}),
        Kind("export", northlight, lambda _: Wish(f"{own}/members", headers={"Accept": "text/csv"}), 0.5),
        Kind("suspended", f"webmaster:{SUSPENDED}", lambda _: Wish(f"{own}/members?limit=20"), 0.05, GOOD | {401}),
        Kind("privacy", "platform", _privacy, 0.1),
        Kind("feed", "platform", _feed, 0.5),
    )


def _privacy(chance: Random) -> Wish:
    choice = {
        "affiliate_sharing": chance.choice([True, False]),
        "profile_visibility": chance.choice(["private", "all_models"]),
    }
    path = f"/v1/platform/members/m-{chance.randrange(1, 200)}/privacy"
    return Wish(path, "PATCH", orjson.dumps(choice), {"Content-Type": "application/merge-patch+json"})


def _feed(chance: Random) -> Wish:
    now = datetime.now(UTC).isoformat()
    events = (_event(chance, now, place) for place in range(EVENTS))
    return Wish("/v1/platform/events", "POST", b"\n".join(map(orjson.dumps, events)), LINES)


def _event(chance: Random, now: str, place: int) -> dict[str, Any]:
    identifier, member = f"{chance.getrandbits(64):x}", f"m-{chance.randrange(1, 200)}"
    bought = {"purchase_id": identifier, "credits": 60, "amount": "29.40", "currency": "EUR", "income": "7.35"}
    met = {"model": MODEL, "action": "like"}
    event = {"specversion": "1.0", "source": "/endurance", "id": identifier, "time": now, "subject": member}
    data = ("credits.purchased", bought) if place % 2 else ("action.performed", met)
    return {**event, "type": data[0], "data": data[1]}


@contextmanager
def running(held: Credentials, port: int, wanted: Sequence[Kind]) -> Iterator[Mapping[Kind, Seen]]:
    """Ask in a thread for each kind while the block runs; yield what they see, which grows until its end."""
    stop, seen = threading.Event(), {kind: Seen() for kind in wanted}
    callers = (Caller(held, port, kind, found) for kind, found in seen.items())
    threads = [threading.Thread(target=caller.go_on, args=(stop, seed)) for seed, caller in enumerate(callers)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join()
