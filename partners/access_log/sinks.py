"""Places that the sealed log is pushed to: registered by operators, leased by one worker at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as upsert

from partners.access_log import following
from partners.keyring import Keyring
from partners.registry import RegistryError
from partners.secrets import DEFAULT_OVERLAP, for_webhooks
from partners.tables.sealing import sealed_leaf
from partners.tables.sink import log_sink, log_sink_refusal
from partners.texts import SLUG

LEASE = timedelta(seconds=30)
"""How long a worker has a sink to itself, from each batch on; longer than one attempt can last."""


@dataclass(frozen=True)
class Wanted:
    """A sink to be registered."""

    name: str
    url: str
    form: str
    is_signed: bool
    authorities: str | None = None
    after: int = following.START
    """The index of the last entry that it need not have."""


@dataclass(frozen=True)
class Sink:
    """A sink, leased to whoever holds this."""

    number: int
    """Its own: another one may have its name by now."""
    name: str
    url: str
    form: str
    sealed_secrets: tuple[bytes, ...]
    """The newest first; each signs. None where nothing is signed."""
    authorities: str | None
    position: int
    sending: int | None
    refusals: int
    failures: int


@dataclass(frozen=True)
class Standing:
    """How far a sink has come."""

    row: Row[Any]
    waiting: int
    """Entries it does not have."""
    waiting_since: datetime | None
    """When the oldest of them was asked for, where there is news among them."""
    refused: Sequence[int]
    """Indexes of entries that it would not take."""


def add(connection: Connection, wanted: Wanted, keyring: Keyring) -> str | None:
    """Register a sink, and return the secret that signs, which cannot be shown again; raise `RegistryError`."""
    if not SLUG.fullmatch(wanted.name):
        raise RegistryError("a name has 1 to 64 letters, digits, `_`, `.` or `-`")
    if _of(connection, wanted.name) is not None:
        raise RegistryError(f"there is a sink {wanted.name} already")
    _refuse_unsealed(connection, wanted.after)
    secret = for_webhooks() if wanted.is_signed else None
    row = {"name": wanted.name, "url": wanted.url, "form": wanted.form, "authorities": wanted.authorities}
    sealed = keyring.seal(secret.encode()) if secret else None
    connection.execute(insert(log_sink).values(**row, position=wanted.after, sealed_secret=sealed))
    return secret


def remove(connection: Connection, name: str) -> None:
    """Forget a sink; raise `RegistryError`."""
    _get(connection, name)
    connection.execute(delete(log_sink).where(log_sink.c.name == name))


def rotate(
    connection: Connection, name: str, keyring: Keyring, *, now: datetime, overlap: timedelta = DEFAULT_OVERLAP
) -> str:
    """Return a new secret; the former one signs beside it until `overlap` has passed. Raise `RegistryError`."""
    mine = log_sink.c.name == name
    _get(connection, name)
    former = connection.scalar(select(log_sink.c.sealed_secret).where(mine).with_for_update())
    if former is None:
        raise RegistryError(f"nothing signs what {name} is sent: syslog has no signatures")
    secret = for_webhooks()
    sealed = {"sealed_secret": keyring.seal(secret.encode()), "sealed_former_secret": former}
    _change(connection, name, **sealed, former_until=now + overlap)
    return secret


def pause(connection: Connection, name: str, *, is_paused: bool) -> None:
    """Push nothing more to a sink, or go on; raise `RegistryError`."""
    _get(connection, name)
    _change(connection, name, is_paused=is_paused, failures=0, next_attempt_at=func.now())


def rewind(connection: Connection, name: str, after: int) -> None:
    """Have a sink go on after an index, wherever it is; raise `RegistryError`."""
    _get(connection, name)
    _refuse_unsealed(connection, after)
    _change(connection, name, position=after, sending=None, refusals=0, failures=0, next_attempt_at=func.now())


def standings(connection: Connection) -> list[Standing]:
    """Return every sink and how far it has come, by name."""
    size, refusal = following.size(connection), log_sink_refusal.c
    news = following.news_after(log_sink.c.position).correlate(log_sink).scalar_subquery()
    oldest = select(sealed_leaf.c.at).where(sealed_leaf.c.index == log_sink.c.position + 1).scalar_subquery()
    indexes = select(func.array_agg(aggregate_order_by(refusal.index, refusal.index)))
    refused = indexes.where(refusal.sink == log_sink.c.name).scalar_subquery()
    told = (case((news.is_not(None), oldest)).label("waiting_since"), refused.label("refused"))
    return [
        Standing(row, max(0, size - 1 - row.position), row.waiting_since, row.refused or ())
        for row in connection.execute(select(log_sink, *told).order_by(log_sink.c.name))
    ]


def lease(connection: Connection, *, now: datetime, heartbeat: timedelta) -> Sink | None:
    """Take a sink that has something coming and that nobody is at; nothing where there is none.

    Each sink is due where a batch is under way, where there is news after its position, or where it has taken nothing
    for so long that it shall be told that there is none.
    """
    due = and_(
        ~log_sink.c.is_paused,
        log_sink.c.next_attempt_at <= now,
        or_(log_sink.c.leased_until.is_(None), log_sink.c.leased_until < now),
    )
    quiet = or_(log_sink.c.delivered_at.is_(None), log_sink.c.delivered_at < now - heartbeat)
    for row in connection.execute(select(log_sink, quiet.label("is_quiet")).where(due).order_by(log_sink.c.name)):
        has_something = row.sending is not None or following.has_news(connection, after=row.position)
        if has_something or row.is_quiet:
            taken = update(log_sink).where(log_sink.c.number == row.number, due).values(leased_until=now + LEASE)
            if connection.execute(taken).rowcount:
                return _sink(row, now)
    return None


def sign_of_life(connection: Connection, *, now: datetime) -> None:
    """Put down that a worker is looking after the sinks."""
    connection.execute(update(log_sink).values(looked_at=now))


def begin(connection: Connection, sink: Sink, through: int, *, now: datetime) -> bool:
    """Fix what a batch goes up to, so that every attempt at it says the same.

    Returns whether it did: not where the sink was rewound or removed meanwhile.
    """
    fixed = update(log_sink).where(_still(sink)).values(sending=through, leased_until=now + LEASE)
    return bool(connection.execute(fixed).rowcount)


def delivered(connection: Connection, sink: Sink, through: int, *, now: datetime) -> bool:
    """Move a sink's position, unless it was rewound or removed meanwhile; say whether to go on with it."""
    moved = {"position": through, "sending": None, "leased_until": now + LEASE, "delivered_at": now}
    done = update(log_sink).where(_still(sink)).values(**moved, refusals=0, failures=0, trouble=None)
    return bool(connection.scalar(done.returning(~log_sink.c.is_paused)))


def release(connection: Connection, sink: Sink) -> None:
    """Let others have a sink."""
    connection.execute(update(log_sink).where(log_sink.c.number == sink.number).values(leased_until=None))


def postpone(connection: Connection, sink: Sink, trouble: str, *, until: datetime) -> None:
    """Put down why an attempt failed, and try no sooner than told; nothing of a sink that was rewound or removed."""
    told = {"trouble": trouble, "next_attempt_at": until, "leased_until": None}
    connection.execute(update(log_sink).where(_still(sink)).values(failures=log_sink.c.failures + 1, **told))


def refused(connection: Connection, sink: Sink, status: int, *, most: int, until: datetime, now: datetime) -> bool:
    """Put down that a sink refused the lone entry after its position; after `most` refusals in a row pass it over.

    Returns whether it was passed over, and there is something to go on with.
    """
    index = sink.position + 1
    if sink.refusals + 1 < most:
        connection.execute(update(log_sink).where(_still(sink)).values(refusals=sink.refusals + 1))
        postpone(connection, sink, f"HTTP {status}", until=until)
        return False
    if not connection.scalar(select(log_sink.c.number).where(_still(sink)).with_for_update()):
        return False
    told = {"status": status, "at": now}
    refusal = upsert(log_sink_refusal).values(sink=sink.name, index=index, **told)
    connection.execute(refusal.on_conflict_do_update(index_elements=["sink", "index"], set_=told))
    return delivered(connection, sink, index, now=now)


def _sink(row: Row[Any], now: datetime) -> Sink:
    progress = {"position": row.position, "sending": row.sending, "refusals": row.refusals, "failures": row.failures}
    place = {"name": row.name, "url": row.url, "form": row.form, "authorities": row.authorities}
    sealed = [row.sealed_secret] if row.sealed_secret is not None else []
    if row.former_until is not None and row.former_until > now:
        sealed.append(row.sealed_former_secret)
    return Sink(row.number, **place, sealed_secrets=tuple(sealed), **progress)


def _still(sink: Sink) -> ColumnElement[bool]:
    """A sink, unless it was rewound or removed meanwhile."""
    return and_(log_sink.c.number == sink.number, log_sink.c.position == sink.position)


def _refuse_unsealed(connection: Connection, after: int) -> None:
    if not following.START <= after < max(following.size(connection), following.START + 1):
        raise RegistryError(f"no sealed entry has the index {after} yet")


def _of(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(log_sink).where(log_sink.c.name == name)).one_or_none()


def _get(connection: Connection, name: str) -> Row[Any]:
    row = _of(connection, name)
    if row is None:
        raise RegistryError(f"there is no sink {name}")
    return row


def _change(connection: Connection, name: str, **values: Any) -> None:
    connection.execute(update(log_sink).where(log_sink.c.name == name).values(**values))
