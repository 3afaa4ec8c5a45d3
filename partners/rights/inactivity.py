"""Who has not been active for more than a year: candidates for an erasure, which the platform has to confirm (R44)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, Date, DateTime, Interval, cast, func, literal_column, select

from partners.instants import utc_day
from partners.tables.activity import action, spending_total
from partners.tables.member import member, purchase_total
from partners.usage import RULES_NOW

_ONE_YEAR = literal_column("interval '1 year'", Interval)
_NEVER = literal_column("'infinity'::timestamptz", DateTime(timezone=True))


@dataclass(frozen=True)
class Candidate:
    """A member who may be erased if the platform says so."""

    member: str
    """The platform's id."""
    last_active_on: date
    """The newest day in UTC of a registration, a purchase, spending, an action or a device, as far as is known here."""


def candidates(connection: Connection, *, now: datetime) -> Iterator[Candidate]:
    """Everybody inactive for more than a year, who longest first; the restricted are left alone, as by the sweep (R54).

    The platform knows more, such as who signs in without doing anything: it confirms by a request for erasure.
    """
    for row in connection.execute(_CANDIDATES, {"now": now}):
        yield Candidate(*row)


def count(connection: Connection, *, now: datetime) -> int:
    """How many they are."""
    counted = select(func.count()).select_from(_CANDIDATES.order_by(None).subquery())
    return connection.execute(counted, {"now": now}).scalar_one()


def _last_active_on() -> ColumnElement[date]:
    lines, of_member = spending_total.c, member.c.number
    instants = (
        member.c.registered_at,
        purchase_total.c.usage_clock_at,
        func.nullif(member.c.device_seen_at, _NEVER),
        select(func.max(action.c.at)).where(action.c.member == of_member).scalar_subquery(),
        select(func.max(lines.last_at)).where(lines.member == of_member).scalar_subquery(),
    )
    # The greatest of those that there are: PostgreSQL passes over what is null.
    return func.greatest(purchase_total.c.active_on, *map(utc_day, instants))


_LAST_ACTIVE_ON = _last_active_on().label("last_active_on")
_CANDIDATES = (
    select(member.c.id, _LAST_ACTIVE_ON)
    .select_from(member.join(purchase_total))
    # Who bought within a year needs no look at anything else.
    .where(
        purchase_total.c.usage_clock_at < RULES_NOW - _ONE_YEAR,
        cast(utc_day(RULES_NOW) - _ONE_YEAR, Date) > _LAST_ACTIVE_ON,
    )
    .where(~member.c.restricted, ~member.c.erased)
    .order_by(_LAST_ACTIVE_ON, member.c.id)
)
