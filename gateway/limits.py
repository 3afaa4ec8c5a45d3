"""How much each client may ask in a while, by kind of work; by Flask-Limiter, in the process or in Redis."""

import math
import time
from dataclasses import dataclass, field
from threading import Lock

from flask import Flask, Response, g
from flask_limiter import Limiter, RateLimitExceeded
from limits import RateLimitItem, parse
from sqlalchemy import Engine

from gateway import counting, metrics
from gateway.runtime import runtime
from gateway.settings import Settings
from partners.registry import allowances
from partners.vocabulary import Work

REDIS_TIMEOUT_S = 1
OVERRIDES_FRESH_S = 5
"""How long a process goes on with the partners' own limits it has read."""


@dataclass(frozen=True)
class Allowance:
    """What one request counts against."""

    work: Work
    client: str
    rate: RateLimitItem


@dataclass
class PartnersOwn:
    """The limits that single partners were given, read again every few seconds."""

    engine: Engine
    _rates: dict[tuple[str, Work], str] = field(default_factory=dict)
    _read_at: float = -math.inf
    _lock: Lock = field(default_factory=Lock)

    def rate(self, partner: str, work: Work) -> str | None:
        """The partner's own rate for this work, or nothing."""
        with self._lock:
            if time.monotonic() - self._read_at > OVERRIDES_FRESH_S:
                with self.engine.connect() as connection:
                    self._rates = allowances.every(connection)
                self._read_at = time.monotonic()
            return self._rates.get((partner, work))


def _current() -> Allowance:
    allowance: Allowance = g.allowance
    return allowance


def _rate() -> str:
    rate = _current().rate
    return f"{rate.amount} per {rate.get_expiry()} second"


class _OnDemand(Limiter):
    """Flask-Limiter would also look for limits before each request: ours are all asked for by the guard."""

    def _check_request_limit(self, callable_name: str | None = None, in_middleware: bool = True) -> None:  # noqa: FBT001, FBT002 - Flask-Limiter's own signature
        if not in_middleware:
            super()._check_request_limit(callable_name, in_middleware)


limiter = _OnDemand(
    key_func=lambda: _current().client,
    strategy="moving-window",
    # Limits belong to callers and kinds of work, not to endpoints.
    request_identifier=lambda: "gateway",
)


@limiter.shared_limit(_rate, scope=lambda _endpoint: _current().work)
def _take() -> None:
    """Take one from the current allowance; raise `RateLimitExceeded` where nothing is left."""


def spend(work: Work, *, client: str, partner: str | None) -> None:
    """Count the current request; raise `RateLimitExceeded`, a 429, where the client has asked too much."""
    held = runtime()
    own = held.own_limits.rate(partner, work) if partner is not None else None
    g.allowance = Allowance(work, client, _share(parse(own or held.settings.limits[work]), held.settings))
    try:
        _take()
    except RateLimitExceeded:
        metrics.limit_reached(work)
        raise


def _share(rate: RateLimitItem, settings: Settings) -> RateLimitItem:
    """Without Redis each worker counts for itself, and so gets an even share (contract §9)."""
    if settings.redis_url is not None or settings.workers == 1:
        return rate
    return type(rate)(max(1, rate.amount // settings.workers), rate.multiples, rate.namespace)


def register(app: Flask, settings: Settings) -> None:
    """Wire the limiter and its headers into the application."""
    app.config["RATELIMIT_STORAGE_URI"] = settings.redis_url or f"{counting.SCHEME}://"
    app.config["RATELIMIT_STRATEGY"] = "moving-window"
    # Redis gone: each process counts for itself until it is back; nobody is let in or kept out for that.
    app.config["RATELIMIT_IN_MEMORY_FALLBACK_ENABLED"] = settings.redis_url is not None
    app.config["RATELIMIT_STORAGE_OPTIONS"] = (
        {"socket_connect_timeout": REDIS_TIMEOUT_S, "socket_timeout": REDIS_TIMEOUT_S} if settings.redis_url else {}
    )
    limiter.init_app(app)
    app.after_request(_add_headers)


def retry_after() -> int:
    """Seconds until the current allowance has something left again."""
    used = limiter.current_limit
    if used is None:
        return 1
    return max(1, min(math.ceil(used.reset_at - time.time()), used.limit.get_expiry()))


def _add_headers(response: Response) -> Response:
    """`RateLimit-Policy` and `RateLimit` of draft-ietf-httpapi-ratelimit-headers, which Flask-Limiter does not send."""
    used = limiter.current_limit
    if used is None or "allowance" not in g:
        return response
    allowance = _current()
    name, window = f'"{allowance.work}"', allowance.rate.get_expiry()
    response.headers["RateLimit-Policy"] = f"{name};q={allowance.rate.amount};w={window}"
    response.headers["RateLimit"] = f"{name};r={used.remaining};t={retry_after()}"
    return response


__all__ = ["PartnersOwn", "RateLimitExceeded", "register", "retry_after", "spend"]
