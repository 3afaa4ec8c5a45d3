"""Records that are not sealed: those whose turn has not come, and those that came in by another way."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, exists, func, literal_column, or_, select

from partners.access_log.findings import Finding, Kind
from partners.tables.access import TransactionId, access_log
from partners.tables.sealing import sealed_leaf


@dataclass(frozen=True)
class Waiting:
    """Records that are yet to be sealed."""

    records: int = 0
    since: datetime | None = None


def records_in_all(connection: Connection) -> int:
    """Count the records; as many as were found sealed leave nothing to look for here."""
    return connection.execute(_ALL).scalar_one()


def waiting(connection: Connection, horizon: int) -> Waiting:
    """Count what waits, where everything before `horizon` should be sealed."""
    counted = select(func.count(), func.min(access_log.c.at)).where(*_waits(connection, horizon))
    return Waiting(*connection.execute(counted).one())


def waiting_since(connection: Connection, horizon: int) -> datetime | None:
    """When the first of these was asked for, however many there are."""
    first = select(access_log.c.at).where(*_waits(connection, horizon)).order_by(access_log.c.transaction).limit(1)
    found: datetime | None = connection.scalar(first)
    return found


def forged(connection: Connection, horizon: int) -> Iterator[Finding]:
    """Name the records that were not sealed although everything of their time was, or that no time ever had.

    Where the horizon is another cluster's, of which this is a restored copy, the latter alone, until it is sealed.
    """
    for row in connection.execute(_FORGED, {"horizon": horizon}):
        yield Finding(Kind.RECORD_FORGED, "a record that was never sealed, among those that were", access=row.id)


def _waits(connection: Connection, horizon: int) -> tuple[ColumnElement[bool], ...]:
    """What holds for a record that waits; the horizon's worth is asked before, so that an index leads to them."""
    end = connection.execute(_END).scalar_one()
    # A horizon that lies ahead is another cluster's, or nobody's: nothing is taken for sealed by it, or for forged.
    within = (_HAS_TIME,) if end < horizon else (access_log.c.transaction >= horizon, access_log.c.transaction < end)
    return (*within, ~BEYOND_CALENDAR, ~_is_sealed())


def _is_sealed() -> ColumnElement[bool]:
    of_record = (sealed_leaf.c.access == access_log.c.id, sealed_leaf.c.at == access_log.c.at)
    return exists().where(*of_record, sealed_leaf.c.hash.is_not(None))


_HORIZON = bindparam("horizon", type_=TransactionId)
_ALL = select(func.count()).select_from(access_log)
_SNAPSHOT_END = func.pg_snapshot_xmax(func.pg_current_snapshot(), type_=TransactionId)
_END = select(_SNAPSHOT_END)
_HAS_TIME = access_log.c.transaction.is_not(None)
BEYOND_CALENDAR = or_(
    access_log.c.at < literal_column("'0001-01-01Z'::timestamptz"),
    access_log.c.at >= literal_column("'10000-01-01Z'::timestamptz"),
)
"""No gateway wrote a record of such an instant, and nothing could read it: it is not sealed, and named as forged."""
_OUT_OF_TIME = and_(
    _SNAPSHOT_END >= _HORIZON, or_(access_log.c.transaction < _HORIZON, access_log.c.transaction >= _SNAPSHOT_END)
)
_FORGED = (
    select(access_log.c.id)
    .where(or_(_OUT_OF_TIME, ~_HAS_TIME, BEYOND_CALENDAR), ~_is_sealed())
    .order_by(access_log.c.at, access_log.c.id)
)
