"""Records that are not sealed: those whose turn has not come, and those that came in by another way."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, exists, func, or_, select

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
    return Waiting(*connection.execute(_WAITING, {"horizon": horizon}).one())


def forged(connection: Connection, horizon: int) -> Iterator[Finding]:
    """Name the records that were not sealed although everything of their time was.

    Nothing can be said where the horizon is another cluster's, of which this is a restored copy, until it is sealed.
    """
    if connection.execute(_END).scalar_one() < horizon:
        return
    for row in connection.execute(_FORGED, {"horizon": horizon}):
        yield Finding(Kind.RECORD_FORGED, "a record that was never sealed, among those that were", access=row.id)


def _is_sealed() -> ColumnElement[bool]:
    return exists().where(sealed_leaf.c.access == access_log.c.id, sealed_leaf.c.at == access_log.c.at)


_HORIZON = bindparam("horizon", type_=TransactionId)
_ALL = select(func.count()).select_from(access_log)
_END = select(func.pg_snapshot_xmax(func.pg_current_snapshot(), type_=TransactionId))
_NOT_BEGUN = access_log.c.transaction >= func.pg_snapshot_xmax(func.pg_current_snapshot())
_FORGED = (
    select(access_log.c.id)
    .where(or_(access_log.c.transaction < _HORIZON, _NOT_BEGUN), ~_is_sealed())
    .order_by(access_log.c.at, access_log.c.id)
)
# A horizon that lies ahead is another cluster's, or nobody's: nothing is taken for sealed by it.
_IS_AHEAD = func.pg_snapshot_xmax(func.pg_current_snapshot(), type_=TransactionId) < _HORIZON
_WAITING = select(func.count(), func.min(access_log.c.at)).where(
    or_(access_log.c.transaction >= _HORIZON, _IS_AHEAD), ~_NOT_BEGUN, ~_is_sealed()
)
