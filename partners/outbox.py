"""What is to be told to whom: concerns are written with the change itself, notices once the log names recipients."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Row,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    insert,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy import delete as delete_from
from sqlalchemy.dialects.postgresql import insert as insert_or

from partners.access_log.identifiers import new_id
from partners.access_log.pruning import MONTHS_KEPT
from partners.access_log.subjects import accesses_about
from partners.keyring import Keyring
from partners.tables.access import access_log
from partners.tables.member import member
from partners.tables.outbox import concern, notice
from partners.tables.partner import partner
from partners.vocabulary import GIVEN, RECIPIENTS, NoticeOutcome, NoticeTopic, PartnerKind

BATCH = 100
LOG_SETTLES = timedelta(seconds=10)
"""A release that began before the change is in the log by then, however slow it was."""
KEPT = timedelta(days=30)
"""How long a member's reference waits for a recipient who cannot be told."""
CLOSED_KEPT = timedelta(days=31 * (1 + MONTHS_KEPT))
"""How long it is known who was told, and when a name was given up: as long as the log can say of what."""
ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when there is what was there before it was put down since when."""
BY_NAME = (PartnerKind.MODEL_CENTER,)
"""Recipients that know members by their names alone."""
_CLOSING = frozenset({NoticeTopic.ERASED, NoticeTopic.RESTRICTED, NoticeTopic.WITHDRAWN})
_NOW = func.clock_timestamp()
_WRITTEN = ("member", "topic", "fields", "fields_since", "audiences", "sealed_username")
_ROWS = (
    func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
    .table_valued(*(column(name, concern.c[name].type) for name in _WRITTEN))
    .render_derived("rows", with_types=True)
)
# However many they are, they are put down at one instant: nobody was given a name that two of them passed over.
_WRITE = insert(concern).from_select([*_WRITTEN, "created_at"], select(*_ROWS.c, select(_NOW).scalar_subquery()))


@dataclass(frozen=True)
class Concern:
    """Something that recipients of a member's data have to be told."""

    member: int
    topic: NoticeTopic
    username: str
    """As those know the member who have no reference."""
    fields: tuple[str, ...] = ()
    """What it is about, as policies name it; nothing for all."""
    fields_since: tuple[datetime, ...] = ()
    """Of each, since when there was something to be received."""
    audiences: Sequence[PartnerKind] = RECIPIENTS


@dataclass(frozen=True)
class Received:
    """Accesses of one partner to one member that were decided alike."""

    partner: int
    audience: PartnerKind
    operation: str
    policy_version: str | None
    verdict: int
    last_at: datetime
    """When the newest of them was asked for."""


def write_concerns(connection: Connection, concerns: Sequence[Concern], keyring: Keyring) -> None:
    """Put down what has to be told, in the transaction of the change.

    Of what is given after that and before the commit nobody is told, unless the change closes the member: so it comes
    last (ADR 19).
    """
    rows = [
        {
            "member": each.member,
            "topic": each.topic,
            "fields": each.fields,
            "fields_since": each.fields_since,
            "audiences": list(each.audiences),
            "sealed_username": f"\\x{keyring.seal(each.username.encode()).hex()}",
        }
        for each in concerns
    ]
    if rows:
        connection.execute(_WRITE, {"rows": orjson.dumps(rows).decode()})


def concern_about(connection: Connection, number: int, topic: NoticeTopic, keyring: Keyring, **more: Any) -> None:
    """Put down one concern about a member, named as partners know them now."""
    username = connection.execute(select(member.c.username).where(member.c.number == number)).scalar_one()
    write_concerns(connection, [Concern(number, topic, username, **more)], keyring)


def open_concerns(connection: Connection) -> list[Row[Any]]:
    """Lock some concerns whose recipients are not all found yet, the oldest first; others' work is passed over."""
    waiting = select(concern).where(concern.c.addressed_at.is_(None)).order_by(concern.c.number).limit(BATCH)
    return list(connection.execute(waiting.with_for_update(skip_locked=True)))


def received_about(connection: Connection, of: Row[Any]) -> Iterator[Received]:
    """Who had received anything about a member when it came to a concern, as the log has it (R65).

    Of those who know members by name, only who was given the name that the concern goes by.
    """
    about = accesses_about(of.member)
    entry = (access_log.c.at == about.c.at) & (access_log.c.id == about.c.access)
    alike = (partner.c.number, *access_log.c["audience", "operation", "policy_version"], about.c.verdict)
    statement = (
        select(*alike, func.max(about.c.at))
        .group_by(*alike)
        .select_from(about.join(access_log, entry).join(partner, partner.c.id == access_log.c.partner))
        .where(access_log.c.audience.in_(RECIPIENTS), access_log.c.outcome.in_(GIVEN))
        .where(about.c.at <= _until(connection, of))
        .order_by(partner.c.number)
    )
    named_since = _named_since(connection, of)
    if named_since is not None:
        statement = statement.where(or_(access_log.c.audience.not_in(BY_NAME), about.c.at > named_since))
    for number, audience, *rest in connection.execute(statement):
        yield Received(number, PartnerKind(audience), *rest)


def _until(connection: Connection, of: Row[Any]) -> datetime:
    """Up to when whoever received something has to be told.

    What closes a member binds a moment after it was put down. What is given from then on, until the member is opened
    again, was under way.
    """
    put_down: datetime = of.created_at
    if of.topic not in _CLOSING:
        return put_down
    later = (concern.c.member == of.member) & (concern.c.number > of.number)
    opened = later & (concern.c.topic == NoticeTopic.RESTORED)
    reopened: datetime | None = connection.scalar(select(func.min(concern.c.created_at)).where(opened))
    settled = put_down + LOG_SETTLES
    return settled if reopened is None else min(settled, reopened)


def _named_since(connection: Connection, of: Row[Any]) -> datetime | None:
    """From when on partners were given the name a concern goes by; nothing where the member always had it."""
    earlier = (concern.c.member == of.member) & (concern.c.number < of.number)
    renamed = earlier & (concern.c.topic == NoticeTopic.RENAMED)
    found: datetime | None = connection.scalar(select(func.max(concern.c.created_at)).where(renamed))
    return found


def add_notice(connection: Connection, of: Row[Any], *, to: int, fields: Iterable[str], sealed_subject: bytes) -> None:
    """Address a concern to a partner, once."""
    row = {
        "id": new_id(of.created_at),
        "concern": of.number,
        "partner": to,
        "topic": of.topic,
        "fields": sorted(fields),
        "sealed_subject": sealed_subject,
        "created_at": of.created_at,
    }
    connection.execute(insert_or(notice).values(row).on_conflict_do_nothing(index_elements=["concern", "partner"]))


def settle(connection: Connection, of: Row[Any]) -> None:
    """Forget how a concern names the member; what was renamed when stays, for later concerns."""
    mine = concern.c.number == of.number
    if of.topic == NoticeTopic.RENAMED:
        connection.execute(update(concern).where(mine).values(addressed_at=_NOW, sealed_username=None))
    else:
        connection.execute(delete_from(concern).where(mine))


def waiting_for(connection: Connection, partner_number: int) -> list[Row[Any]]:
    """What a partner has still to be told, in the order in which it happened."""
    open_ones = (notice.c.partner == partner_number) & notice.c.closed_at.is_(None)
    return list(connection.execute(select(notice).where(open_ones).order_by(notice.c.concern).limit(BATCH)))


def backlog(connection: Connection) -> tuple[int, datetime | None]:
    """Return how many things have still to be told, and since when the oldest waits."""
    notices = select(notice.c.created_at).where(notice.c.closed_at.is_(None))
    concerns = select(concern.c.created_at).where(concern.c.addressed_at.is_(None))
    waiting = union_all(notices, concerns).subquery("waiting")
    row = connection.execute(select(func.count(), func.min(waiting.c.created_at))).one()
    return row[0], row[1]


def close(connection: Connection, notice_id: UUID, outcome: NoticeOutcome, *, now: datetime) -> str | None:
    """Put down how a notice ended, and drop the reference to the member; return whose it was if it was still open."""
    mine = (notice.c.id == notice_id) & notice.c.closed_at.is_(None)
    closed = update(notice).where(mine).values(closed_at=now, outcome=outcome, sealed_subject=None)
    whose = select(partner.c.id).where(partner.c.number == notice.c.partner).scalar_subquery()
    found: str | None = connection.execute(closed.returning(whose)).scalar_one_or_none()
    return found


def give_up(connection: Connection, *, now: datetime) -> int:
    """Drop what could not be told for too long; return how much it was."""
    old = notice.c.closed_at.is_(None) & (notice.c.created_at < now - KEPT)
    given_up = update(notice).where(old).values(closed_at=now, outcome=NoticeOutcome.GIVEN_UP, sealed_subject=None)
    return connection.execute(given_up).rowcount


def outlived(now: datetime) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Tables, and which of their rows nobody needs any more: what was told long ago, and what nobody was found for."""
    yield notice, notice.c.closed_at < now - CLOSED_KEPT
    unaddressed = concern.c.addressed_at.is_(None) & (concern.c.created_at < now - KEPT)
    yield concern, unaddressed | (concern.c.addressed_at < now - CLOSED_KEPT)
