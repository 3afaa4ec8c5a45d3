"""Where partners are told: one endpoint each, leased by one worker at a time, and what silence leads to (R65)."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, delete, func, insert, or_, select, update
from sqlalchemy import exists as any_of

from partners.keyring import Keyring
from partners.registry import RegistryError, partners
from partners.secrets import DEFAULT_OVERLAP, for_webhooks
from partners.tables.outbox import notice, webhook_endpoint
from partners.tables.partner import partner
from partners.vocabulary import RECIPIENTS, PartnerKind, Status

LEASE = timedelta(seconds=60)
"""How long a worker has a partner to itself, from each notice on; longer than one attempt can last."""
FIRST_WAIT = timedelta(seconds=10)
LONGEST_WAIT = timedelta(hours=1)
_MOST_DOUBLINGS = 20
_OPEN = and_(notice.c.partner == webhook_endpoint.c.partner, notice.c.closed_at.is_(None))


@dataclass(frozen=True)
class Endpoint:
    """A partner's endpoint, leased to whoever holds this."""

    partner: int
    id: str
    kind: PartnerKind
    url: str
    sealed_secrets: tuple[bytes, ...] = field(repr=False)
    """The newest first; each signs."""
    failures: int


def add(connection: Connection, partner_id: str, url: str, keyring: Keyring, *, now: datetime) -> str:
    """Register where a partner is told and return its secret, which cannot be shown again; raise `RegistryError`."""
    owner = partners.get(connection, partner_id, lock=True)
    if owner.kind not in RECIPIENTS:
        raise RegistryError("only webmasters and model centers receive members' data, and so notices about it")
    if connection.scalar(select(webhook_endpoint.c.partner).where(webhook_endpoint.c.partner == owner.number)):
        raise RegistryError(f"{partner_id} has an endpoint already; remove it first")
    secret = for_webhooks()
    row = {"partner": owner.number, "url": url, "sealed_secret": keyring.seal(secret.encode())}
    connection.execute(insert(webhook_endpoint).values(row | {"added_at": now, "next_attempt_at": now}))
    return secret


def remove(connection: Connection, partner_id: str) -> None:
    """Forget a partner's endpoint; what it was not told waits to be told by hand. Raise `RegistryError`."""
    number = partners.get(connection, partner_id).number
    if not connection.execute(delete(webhook_endpoint).where(webhook_endpoint.c.partner == number)).rowcount:
        raise RegistryError(f"{partner_id} has no endpoint")


def rotate(
    connection: Connection, partner_id: str, keyring: Keyring, *, now: datetime, overlap: timedelta = DEFAULT_OVERLAP
) -> str:
    """Return a new secret; the former one signs beside it until `overlap` has passed. Raise `RegistryError`."""
    mine = webhook_endpoint.c.partner == partners.get(connection, partner_id, lock=True).number
    former = connection.scalar(select(webhook_endpoint.c.sealed_secret).where(mine).with_for_update())
    if former is None:
        raise RegistryError(f"{partner_id} has no endpoint")
    secret = for_webhooks()
    renewed = {"sealed_secret": keyring.seal(secret.encode()), "sealed_former_secret": former}
    connection.execute(update(webhook_endpoint).where(mine).values(**renewed, former_until=now + overlap))
    return secret


def overview(connection: Connection) -> list[Row[Any]]:
    """Every partner with an endpoint or something to be told: where, how much waits, since when, and what it led to."""
    waiting = (
        select(notice.c.partner, func.count().label("waiting"), func.min(notice.c.created_at).label("waiting_since"))
        .where(notice.c.closed_at.is_(None))
        .group_by(notice.c.partner)
        .subquery("waiting")
    )
    of_endpoint = webhook_endpoint.c["url", "failures", "silent_since", "next_attempt_at", "throttled_at"]
    every = (
        select(
            partner.c.id.label("partner"),
            *of_endpoint,
            partner.c.status,
            func.coalesce(waiting.c.waiting, 0).label("waiting"),
            waiting.c.waiting_since,
        )
        .select_from(partner)
        .outerjoin(webhook_endpoint, webhook_endpoint.c.partner == partner.c.number)
        .outerjoin(waiting, waiting.c.partner == partner.c.number)
        .where(or_(webhook_endpoint.c.partner.is_not(None), waiting.c.partner.is_not(None)))
        .order_by(partner.c.id)
    )
    return list(connection.execute(every))


def lease(connection: Connection, *, now: datetime) -> Endpoint | None:
    """Take an endpoint that is due and has something to be told, for one worker alone; nothing where none is due."""
    mine = webhook_endpoint.c
    due = and_(mine.next_attempt_at <= now, or_(mine.leased_until.is_(None), mine.leased_until <= now))
    one = (
        select(mine.partner)
        .where(due, any_of().where(_OPEN))
        .order_by(mine.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    number = connection.scalar(one)
    if number is None:
        return None
    connection.execute(update(webhook_endpoint).where(mine.partner == number).values(leased_until=now + LEASE))
    asked = select(webhook_endpoint, partner.c.id, partner.c.kind).join(partner).where(mine.partner == number)
    row = connection.execute(asked).one()
    sealed = [row.sealed_secret]
    if row.former_until is not None and row.former_until > now:
        sealed.append(row.sealed_former_secret)
    return Endpoint(number, row.id, PartnerKind(row.kind), row.url, tuple(sealed), row.failures)


def keep(connection: Connection, partner_number: int, *, now: datetime) -> None:
    """Keep an endpoint for one attempt more."""
    _set(connection, partner_number, leased_until=now + LEASE)


def release(connection: Connection, partner_number: int, *, now: datetime) -> None:
    """Give an endpoint back that acknowledged what it was told; its throttling ends where nothing waits any more."""
    throttled_at = case((any_of().where(_OPEN), webhook_endpoint.c.throttled_at))
    quiet = {"failures": 0, "silent_since": None, "throttled_at": throttled_at}
    _set(connection, partner_number, leased_until=None, next_attempt_at=now, **quiet)


def postpone(connection: Connection, endpoint: Endpoint, *, has_acknowledged: bool, now: datetime) -> None:
    """Give an endpoint back that did not acknowledge, and wait twice as long as before, if it said nothing since."""
    failures = 0 if has_acknowledged else endpoint.failures
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(failures, _MOST_DOUBLINGS))
    # Not all at the same moment, should many have failed at once.
    jitter = 1 + secrets.randbelow(100) / 1_000
    next_attempt_at = now + wait * jitter
    silent_since = now if has_acknowledged else func.coalesce(webhook_endpoint.c.silent_since, now)
    failed = {"failures": failures + 1, "silent_since": silent_since}
    _set(connection, endpoint.partner, leased_until=None, next_attempt_at=next_attempt_at, **failed)


def forgive(connection: Connection) -> None:
    """Forget the silence of endpoints for which nothing waits any more, however it came to be closed."""
    quiet = {"failures": 0, "silent_since": None, "throttled_at": None}
    noted = or_(webhook_endpoint.c.silent_since.is_not(None), webhook_endpoint.c.throttled_at.is_not(None))
    connection.execute(update(webhook_endpoint).where(noted, ~any_of().where(_OPEN)).values(**quiet))


def throttle(connection: Connection, *, silent_since: datetime, now: datetime) -> list[str]:
    """Lower the limits of partners that have acknowledged nothing for too long; return who is new (R65)."""
    mine = webhook_endpoint.c
    late = and_(mine.throttled_at.is_(None), _is_silent(silent_since, now))
    lowered = update(webhook_endpoint).where(late).values(throttled_at=now).returning(mine.partner)
    numbers = connection.execute(lowered).scalars().all()
    return list(connection.execute(select(partner.c.id).where(partner.c.number.in_(numbers))).scalars())


def suspend(connection: Connection, *, silent_since: datetime, now: datetime) -> list[str]:
    """Suspend partners that have acknowledged nothing for far too long; return who was active (R65)."""
    late = select(partner.c.id).join(webhook_endpoint)
    late = late.where(partner.c.status == Status.ACTIVE, _is_silent(silent_since, now))
    found = list(
        connection.execute(late.order_by(partner.c.id).with_for_update(of=partner, skip_locked=True)).scalars()
    )
    for identifier in found:
        partners.suspend(connection, identifier)
    return found


def _is_silent(since: datetime, now: datetime) -> ColumnElement[bool]:
    """Who has acknowledged nothing since then, and waits for another attempt: who is due or being told may yet."""
    return and_(webhook_endpoint.c.silent_since < since, webhook_endpoint.c.next_attempt_at > now)


def _set(connection: Connection, partner_number: int, **values: object) -> None:
    mine = webhook_endpoint.c.partner == partner_number
    connection.execute(update(webhook_endpoint).where(mine).values(**values))
