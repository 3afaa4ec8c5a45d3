"""The other way round: from a member to who received data about them, newest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CompoundSelect,
    Connection,
    Row,
    Select,
    Subquery,
    Text,
    and_,
    insert,
    literal,
    null,
    select,
    tuple_,
    union_all,
)

from partners.access_log.identifiers import Place, new_id
from partners.access_log.subjects import accesses_about
from partners.tables.access import access_log, outside_disclosure
from partners.tables.activity import model
from partners.tables.partner import partner
from partners.vocabulary import GIVEN, RECIPIENTS, RecipientKind

_ROWS_AT_ONCE = 1_000
ENTERED_BY_HAND = "disclosures.add"


@dataclass(frozen=True)
class Outside:
    """A disclosure that was made outside the gateway (R27)."""

    at: datetime
    member: int
    kind: RecipientKind
    recipient: str
    purpose: str
    fields: tuple[str, ...]
    """Names, never values."""


def enter(connection: Connection, disclosed: Outside, *, now: datetime) -> UUID:
    """Enter what was disclosed outside the gateway, so that a member's list is complete; return its id."""
    identifier = new_id(disclosed.at)
    told = {"recipient_kind": disclosed.kind, "recipient": disclosed.recipient, "purpose": disclosed.purpose}
    row = {"id": identifier, "at": disclosed.at, "member": disclosed.member, "fields": list(disclosed.fields)}
    connection.execute(insert(outside_disclosure).values(row | told | {"entered_at": now}))
    return identifier


def disclosures_of(connection: Connection, member: int, *, after: Place | None, limit: int) -> list[Row[Any]]:
    """Return the newest disclosures of a member, at most `limit`, each with this member's own `verdict`.

    `partner` and `model` are public names: nobody's id is told (R64). What was entered by hand has `fields` instead of
    a verdict.
    """
    given = _given(member).subquery("given")
    statement = select(given)
    if after is not None:
        statement = statement.where(tuple_(given.c.at, given.c.access) < tuple_(after.at, after.access))
    return list(connection.execute(_newest_first(statement, given).limit(limit)))


def entered_by_hand(connection: Connection, member: int) -> list[Row[Any]]:
    """What was disclosed of a member outside the gateway, newest first."""
    outside = outside_disclosure.c
    columns = outside["at", "recipient_kind", "recipient", "purpose", "fields"]
    return list(connection.execute(select(*columns).where(outside.member == member).order_by(outside.at.desc())))


def every_disclosure(connection: Connection, member: int, *, since: datetime | None) -> Iterator[Row[Any]]:
    """Read all disclosures of a member from an instant on, newest first, in bounded memory."""
    given = _given(member).subquery("given")
    statement = select(given)
    if since is not None:
        statement = statement.where(given.c.at >= since)
    bounded = _newest_first(statement, given).execution_options(stream_results=True, max_row_buffer=_ROWS_AT_ONCE)
    yield from connection.execute(bounded)


def _newest_first(statement: Select[Any], given: Subquery) -> Select[Any]:
    return statement.order_by(given.c.at.desc(), given.c.access.desc())


def _given(member: int) -> CompoundSelect[Any]:
    about = accesses_about(member)
    entry = and_(access_log.c.at == about.c.at, access_log.c.id == about.c.access)
    by_the_gateway = (
        select(
            about.c.at,
            about.c.access,
            about.c.verdict,
            null().cast(ARRAY(Text)).label("fields"),
            access_log.c.operation,
            access_log.c.purpose,
            access_log.c.policy_version,
            access_log.c.audience,
            partner.c.name.label("partner"),
            model.c.name.label("model"),
        )
        .select_from(about.join(access_log, entry))
        .outerjoin(partner, partner.c.id == access_log.c.partner)
        .outerjoin(model, model.c.id == access_log.c.model)
        .where(access_log.c.audience.in_(RECIPIENTS), access_log.c.outcome.in_(GIVEN))
    )
    outside = outside_disclosure.c
    by_hand = select(
        outside.at,
        outside.id,
        null().cast(BigInteger),
        outside.fields,
        literal(ENTERED_BY_HAND),
        outside.purpose,
        null().cast(Text),
        outside.recipient_kind,
        outside.recipient,
        null().cast(Text),
    ).where(outside.member == member)
    return union_all(by_the_gateway, by_hand)
