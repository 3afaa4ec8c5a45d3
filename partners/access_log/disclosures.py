"""The other way round: from a member to who received data about them, newest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, Subquery, and_, select, tuple_

from partners.access_log.subjects import accesses_about
from partners.tables.access import access_log
from partners.tables.activity import model
from partners.tables.partner import partner
from partners.vocabulary import Outcome, PartnerKind

RECIPIENTS = (PartnerKind.WEBMASTER, PartnerKind.MODEL_CENTER)
"""The audiences to which single members are disclosed; previews and whatever else is not a partner's is none."""
_GIVEN = (Outcome.RELEASED, Outcome.PARTIAL)
_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True)
class Seen:
    """The last disclosure already listed."""

    at: datetime
    access: UUID


def disclosures_of(connection: Connection, member: int, *, after: Seen | None, limit: int) -> list[Row[Any]]:
    """Return the newest disclosures of a member, at most `limit`, each with this member's own `verdict`.

    `partner` and `model` are public names: nobody's id is told (R64).
    """
    about = accesses_about(member)
    statement = _given(about)
    if after is not None:
        key = tuple_(about.c.at, about.c.access)
        statement = statement.where(key < tuple_(after.at, after.access))
    return list(connection.execute(statement.limit(limit)))


def every_disclosure(connection: Connection, member: int, *, since: datetime | None) -> Iterator[Row[Any]]:
    """Read all disclosures of a member from an instant on, newest first, in bounded memory."""
    about = accesses_about(member)
    statement = _given(about)
    if since is not None:
        statement = statement.where(about.c.at >= since)
    yield from connection.execute(statement.execution_options(stream_results=True, max_row_buffer=_ROWS_AT_ONCE))


def _given(about: Subquery) -> Select[Any]:
    entry = and_(access_log.c.at == about.c.at, access_log.c.id == about.c.access)
    return (
        select(
            about.c.at,
            about.c.access,
            about.c.verdict,
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
        .where(access_log.c.audience.in_(RECIPIENTS), access_log.c.outcome.in_(_GIVEN))
        .order_by(about.c.at.desc(), about.c.access.desc())
    )
