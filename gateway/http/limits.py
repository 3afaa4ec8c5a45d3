"""How much each client may ask in a while, by kind of work; by Flask-Limiter, in the process or in Redis."""

import math
import time
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import cast

from flask import Flask, Response, current_app, g
from flask_limiter import Limiter
from limits import RateLimitItem, parse
from limits.storage import MovingWindowSupport
from sqlalchemy import Engine

from gateway.http import limit_storage
from gateway.observability import metrics
from gateway.runtime import runtime
from gateway.settings import Settings
from partners.registry import allowances
from partners.vocabulary import Work

REDIS_TIMEOUT_S = 1
THROTTLED_TO_A = 10
"""What a throttled partner's limits are divided by (R65)."""
OVERRIDES_FRESH_S = 5
"""How long a process goes on with the partners' own limits it has read."""
MOST_REMEMBERED = 4_096
"""So many allowances, each of one client for one kind of work, are held ready."""


class LimitReachedError(Exception):
    """The client asked more often than it may."""


@dataclass(frozen=True)
class Allowance:
    """How often one client may ask for one kind of work."""

    rate: RateLimitItem
    key: str
    """Under which its requests are counted."""
    policy: str
    """`RateLimit-Policy` of draft-ietf-httpapi-ratelimit-headers; Flask-Limiter does not send the draft's fields."""
    work: Work

    def take(self) -> bool:
        """Take one; tell whether there was one left."""
        return _storage().acquire_entry(self.key, self.rate.amount, self.rate.get_expiry())

    def spend(self) -> None:
        """Take one; raise `LimitReachedError`, a 429, where there is none left."""
        self._require(there_was=self.take())

    def require(self) -> None:
        """Raise the same, and take none."""
        self._require(there_was=self.left()[0] > 0)

    def left(self) -> tuple[int, int]:
        """How many are left, and in how many seconds there will be more."""
        seconds = self.rate.get_expiry()
        oldest, taken = _storage().get_moving_window(self.key, self.rate.amount, seconds)
        return self.rate.amount - taken, max(1, min(math.ceil(oldest + seconds - time.time()), seconds))

    def _require(self, *, there_was: bool) -> None:
        if not there_was:
            metrics.limit_reached(self.work)
            raise LimitReachedError


@dataclass
class PartnersOwn:
    """The limits that single partners were given, read again every few seconds."""

    engine: Engine
    _rates: dict[tuple[str, Work], str] = field(default_factory=dict)
    _throttled: frozenset[str] = frozenset()
    _read_at: float = -math.inf
    _lock: Lock = field(default_factory=Lock)

    def rate(self, partner: str, work: Work) -> str | None:
        """The partner's own rate for this work, or nothing."""
        self._refresh()
        return self._rates.get((partner, work))

    def part(self, partner: str | None) -> int:
        """What every rate of the partner is divided by; to be asked after `rate`, which reads again."""
        return THROTTLED_TO_A if partner in self._throttled else 1

    def _refresh(self) -> None:
        if time.monotonic() - self._read_at > OVERRIDES_FRESH_S:
            self._read_again()

    def _read_again(self) -> None:
        """One reads while the others go on with what is held, or read for themselves where nothing is."""
        mine = self._lock.acquire(blocking=False)
        if not mine and self._read_at != -math.inf:
            return
        try:
            with self.engine.connect() as connection:
                self._rates = allowances.every(connection)
                self._throttled = allowances.throttled(connection)
            self._read_at = time.monotonic()
        finally:
            if mine:
                self._lock.release()


def spend(work: Work, *, client: str, partner: str | None) -> None:
    """Count the current request; raise `LimitReachedError`, a 429, where the client has asked too much."""
    allowance(work, client=client, partner=partner).spend()


def allowance(work: Work, *, client: str, partner: str | None) -> Allowance:
    """What a client may ask for; the headers of the current answer tell of it."""
    held = runtime()
    own = held.own_limits.rate(partner, work) if partner is not None else None
    sharing = held.settings.workers if held.settings.redis_url is None else 1
    sharing *= held.own_limits.part(partner)
    g.allowance = found = _allowance(work, client, own or held.settings.limits[work], sharing)
    return found


@lru_cache(maxsize=MOST_REMEMBERED)
def _allowance(work: Work, client: str, text: str, sharing: int) -> Allowance:
    """Without Redis each worker counts for itself, and so gets an even share (contract §9).

    Where there is not one for each, each has one, in a time that is as much longer.
    """
    whole = parse(text)
    lacking = math.ceil(sharing / whole.amount)
    rate = type(whole)(max(1, whole.amount // sharing), whole.multiples * lacking, whole.namespace)
    policy = f'"{work}";q={rate.amount};w={rate.get_expiry()}'
    return Allowance(rate, rate.key_for(client, work), policy, work)


def register(app: Flask, settings: Settings) -> None:
    """Wire the limits and their headers into the application."""
    app.extensions["counted"] = _counted(settings.redis_url)
    app.after_request(_add_headers)


def _counted(redis_url: str | None) -> MovingWindowSupport:
    """Where Flask-Limiter counts, wired to an application without requests.

    Limits belong to callers and kinds of work, not to endpoints: nothing is counted before the guard asks, and its
    hooks would find nothing to do.
    """
    limiter = Limiter(
        key_func=str,
        strategy="moving-window",
        storage_uri=f"{limit_storage.IN_PROCESS}+{redis_url}" if redis_url else f"{limit_storage.IN_PROCESS}://",
        storage_options=(
            {"socket_connect_timeout": REDIS_TIMEOUT_S, "socket_timeout": REDIS_TIMEOUT_S} if redis_url else {}
        ),
    )
    limiter.init_app(Flask(__name__, static_folder=None))
    return cast("MovingWindowSupport", limiter.storage)


def retry_after() -> int:
    """Seconds until the current allowance has something left again."""
    allowance: Allowance = g.allowance
    return allowance.left()[1]


def _storage() -> MovingWindowSupport:
    held: MovingWindowSupport = current_app.extensions["counted"]
    return held


def _add_headers(response: Response) -> Response:
    allowance: Allowance | None = g.get("allowance")
    if allowance is not None:
        remaining, seconds = allowance.left()
        response.headers.add("RateLimit-Policy", allowance.policy)
        response.headers.add("RateLimit", f'"{allowance.work}";r={remaining};t={seconds}')
    return response
