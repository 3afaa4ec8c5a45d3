"""How much each client may ask in a while, by kind of work; by Flask-Limiter, in the process or in Redis."""

import math
import time
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock

from flask import Flask, Response, current_app, g
from flask_limiter import Limiter
from limits import RateLimitItem, parse
from limits.strategies import RateLimiter
from sqlalchemy import Engine

from gateway import counting, metrics
from gateway.runtime import runtime
from gateway.settings import Settings
from partners.registry import allowances
from partners.vocabulary import Work

REDIS_TIMEOUT_S = 1
OVERRIDES_FRESH_S = 5
"""How long a process goes on with the partners' own limits it has read."""


class LimitReachedError(Exception):
    """The client asked more often than it may."""


@dataclass(frozen=True)
class Allowance:
    """What one request counts against."""

    work: Work
    client: str
    rate: RateLimitItem

    def take(self) -> bool:
        """Take one; tell whether there was one left."""
        return _counter().hit(self.rate, self.client, self.work)

    def left(self) -> tuple[int, int]:
        """How many are left, and in how many seconds there will be more."""
        window = _counter().get_window_stats(self.rate, self.client, self.work)
        seconds = math.ceil(window.reset_time - time.time())
        return window.remaining, max(1, min(seconds, self.rate.get_expiry()))


@dataclass
class PartnersOwn:
    """The limits that single partners were given, read again every few seconds."""

    engine: Engine
    _rates: dict[tuple[str, Work], str] = field(default_factory=dict)
    _read_at: float = -math.inf
    _lock: Lock = field(default_factory=Lock)

    def rate(self, partner: str, work: Work) -> str | None:
        """The partner's own rate for this work, or nothing."""
        if time.monotonic() - self._read_at > OVERRIDES_FRESH_S:
            self._read_again()
        return self._rates.get((partner, work))

    def _read_again(self) -> None:
        """One reads while the others go on with what is held, or read for themselves where nothing is."""
        mine = self._lock.acquire(blocking=False)
        if not mine and self._read_at != -math.inf:
            return
        try:
            with self.engine.connect() as connection:
                self._rates = allowances.every(connection)
            self._read_at = time.monotonic()
        finally:
            if mine:
                self._lock.release()


class _OnDemand(Limiter):
    """Limits belong to callers and kinds of work, not to endpoints: nothing is counted before the guard asks."""

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:  # noqa: FBT001, FBT002 - Flask-Limiter's own signature
        """Let every request come as far as the guard."""


def spend(work: Work, *, client: str, partner: str | None) -> None:
    """Count the current request; raise `LimitReachedError`, a 429, where the client has asked too much."""
    held = runtime()
    own = held.own_limits.rate(partner, work) if partner is not None else None
    sharing = held.settings.workers if held.settings.redis_url is None else 1
    g.allowance = Allowance(work, client, _rate(own or held.settings.limits[work], sharing))
    if not g.allowance.take():
        metrics.limit_reached(work)
        raise LimitReachedError


@lru_cache
def _rate(text: str, sharing: int) -> RateLimitItem:
    """Without Redis each worker counts for itself, and so gets an even share (contract §9)."""
    rate = parse(text)
    return type(rate)(max(1, rate.amount // sharing), rate.multiples, rate.namespace)


def register(app: Flask, settings: Settings) -> None:
    """Wire the limiter and its headers into the application."""
    redis_url = settings.redis_url
    limiter = _OnDemand(
        key_func=lambda: g.allowance.client,
        strategy="moving-window",
        storage_uri=f"{counting.IN_PROCESS}+{redis_url}" if redis_url else f"{counting.IN_PROCESS}://",
        storage_options=(
            {"socket_connect_timeout": REDIS_TIMEOUT_S, "socket_timeout": REDIS_TIMEOUT_S} if redis_url else {}
        ),
    )
    limiter.init_app(app)
    app.extensions["counter"] = limiter.limiter
    app.after_request(_add_headers)


def retry_after() -> int:
    """Seconds until the current allowance has something left again."""
    allowance: Allowance = g.allowance
    return allowance.left()[1]


def _counter() -> RateLimiter:
    held: RateLimiter = current_app.extensions["counter"]
    return held


def _add_headers(response: Response) -> Response:
    """`RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers, which Flask-Limiter does not send."""
    allowance: Allowance | None = g.get("allowance")
    if allowance is not None:
        remaining, seconds = allowance.left()
        response.headers["RateLimit-Policy"] = (
            f'"{allowance.work}";q={allowance.rate.amount};w={allowance.rate.get_expiry()}'
        )
        response.headers["RateLimit"] = f'"{allowance.work}";r={remaining};t={seconds}'
    return response
