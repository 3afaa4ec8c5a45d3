"""How long the database is waited for, kept on this side: a server that hangs keeps no time limit of its own."""

import math
from contextvars import ContextVar
from dataclasses import dataclass
from time import monotonic
from typing import Any, ClassVar, Self, TypeVar

from psycopg import Connection, OperationalError
from psycopg.abc import PQGen, PQGenConn
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, event

T = TypeVar("T")
INTERVAL_S = 0.1
"""How often a wait looks up."""
SHORT_S = 3.0
"""Only waits that are allowed no more than this tell whether the database hangs: a search may be long in coming."""
HANGS_AFTER_S = 1.8
"""So long without any answer to `MOST_UNANSWERED` questions, and the database hangs."""
MOST_UNANSWERED = 3
SILENCE_S = 1.0
"""How long it is not asked then: whoever queued behind those who wait is told at once."""
SIGN_OF_LIFE = "SELECT 1"
PROBE_S = 2.0
"""How long a sign of life may take."""


class DeadlineError(OperationalError):
    """The database did not answer in time; what it was asked may still come about."""


@dataclass
class _Patience:
    whole: float
    left: float


@dataclass
class Silence:
    """What a database was asked since it last answered anything."""

    since: float = math.inf
    """When the first of it was asked, by the monotonic clock."""
    unanswered: int = 0

    def asked(self, now: float) -> None:
        """Note a question; raise `DeadlineError` where the database hangs."""
        silent = now - self.since
        if silent > HANGS_AFTER_S + SILENCE_S or self.since == math.inf:
            self.since, self.unanswered = now, 0
        elif silent > HANGS_AFTER_S and self.unanswered >= MOST_UNANSWERED:
            raise DeadlineError("the database hangs")
        self.unanswered += 1

    def answered(self) -> None:
        """Note an answer, to whatever question."""
        self.since = math.inf


_PATIENCE: ContextVar[_Patience | None] = ContextVar("patience", default=None)


def allow(seconds: float) -> None:
    """Let what runs in this context wait for the database so long in all; time spent otherwise does not count."""
    _PATIENCE.set(_Patience(seconds, seconds))


def lift() -> None:
    """Let what runs in this context from now on wait as long as each connection permits."""
    _PATIENCE.set(None)


def renew() -> None:
    """Let what runs in this context wait as long again as it was allowed before."""
    patience = _PATIENCE.get()
    if patience is not None:
        patience.left = patience.whole


def left(longest_s: float) -> float:
    """How many seconds what runs in this context may still wait, `longest_s` at most, whatever it waits for."""
    patience = _PATIENCE.get()
    return longest_s if patience is None else max(0.0, min(longest_s, patience.left))


class PunctualConnection(Connection[Any]):
    """A connection that is closed where the database answers too late: it is in the middle of something for good."""

    longest_wait_s: ClassVar[float] = math.inf
    """How long a single wait lasts at most, whatever the context allows."""
    silence: ClassVar[Silence] = Silence()
    """Shared by all connections to one database."""

    def wait(self, gen: PQGen[T], interval: float = INTERVAL_S, timeout: float | None = None) -> T:
        """Wait for the database, no longer than the context allows; raise `DeadlineError` where it is silent."""
        begun, patience = monotonic(), _PATIENCE.get()
        allowed = self.longest_wait_s if timeout is None else timeout
        if patience is not None and patience.left < allowed:
            allowed = max(patience.left, 0.0)
        try:
            if allowed <= SHORT_S:
                self.silence.asked(begun)
            found = super().wait(gen, interval, None if allowed == math.inf else allowed)
        except OperationalError as error:
            raise self._given_up(error) from None
        finally:
            if patience is not None:
                patience.left -= monotonic() - begun
        self.silence.answered()
        return found

    @classmethod
    def _connect_gen(cls, conninfo: str = "", **more: Any) -> PQGenConn[Self]:
        """The driver's own steps of connecting, given up where the context allows no more."""
        patience, steps = _PATIENCE.get(), super()._connect_gen(conninfo, **more)
        return steps if patience is None else _limited(steps, patience, cls.silence)

    def _given_up(self, error: OperationalError) -> OperationalError:
        """What to raise for an error; one that the server did not report leaves the connection of no use."""
        if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
            self.close()
            return DeadlineError("the database did not answer in time")
        if isinstance(error, DeadlineError) and self.pgconn.transaction_status != TransactionStatus.IDLE:
            self.close()
        return error


def _limited(steps: PQGenConn[T], patience: _Patience, silence: Silence) -> PQGenConn[T]:
    begun = monotonic()
    silence.asked(begun)
    try:
        wanted = next(steps)
        while True:
            ready = yield wanted
            if monotonic() - begun > patience.left:
                raise DeadlineError("the database did not accept a connection in time")
            wanted = steps.send(ready)
    except StopIteration as ended:
        silence.answered()
        connected: T = ended.value
        return connected
    finally:
        patience.left -= monotonic() - begun


def punctual(longest_wait_s: float, silence: Silence) -> type[PunctualConnection]:
    """Return a class of connections of which no single wait lasts longer than told."""
    return type("PunctualConnection", (PunctualConnection,), {"longest_wait_s": longest_wait_s, "silence": silence})


def keep(engine: Engine, *, longest_wait_s: float, silence: Silence) -> None:
    """Give an engine connections that keep deadlines."""
    kind = punctual(longest_wait_s, silence)

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, arguments: list[Any], named: dict[str, Any]) -> PunctualConnection:
        return kind.connect(*arguments, **named)


def probe(engine: Engine) -> None:
    """Ask each connection for a sign of life before it is used for something that may take long."""

    @event.listens_for(engine, "checkout")
    def ask(connection: PunctualConnection, _record: object, _pooled: object) -> None:
        before = _PATIENCE.get()
        allow(PROBE_S)
        try:
            connection.execute(SIGN_OF_LIFE)
        finally:
            _PATIENCE.set(before)
