"""Alerts as people see and handle them: found, read, acknowledged, closed. Whoever reads puts the look on record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, and_, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from partners.access_log.append import Access, record
from partners.access_log.identifiers import parse, public
from partners.detections import rules
from partners.detections.suspicions import Whom
from partners.tables.detections import EVERY, alert, alert_floor
from partners.vocabulary import AlertState, Detection, Outcome, Tier

PREFIX = "alr_"
UNSETTLED = (AlertState.OPEN, AlertState.ACKNOWLEDGED)
LONGEST_NOTE = 500
_KEY = ("rule", "partner", "client", "model", "network")
"""What a floor is for."""
_OK = 200


class AlertError(Exception):
    """What was asked of an alert cannot be; the message says why."""


class NoSuchAlertError(AlertError):
    """There is no alert of this id."""


class NoteError(AlertError):
    """A note that cannot be kept."""


@dataclass(frozen=True)
class Alert:
    """An alert, whole."""

    id: UUID
    rule: Detection
    tier: Tier
    state: AlertState
    partner: str | None
    """None where it is about the log itself."""
    client: str | None
    model: str | None
    aspect: str | None
    """Which kind of gap in the log."""
    network: str | None
    """Gone after 120 days, as every address is."""
    since: datetime
    until: datetime
    """The window it is about; exclusive."""
    raised_at: datetime
    summary: str
    """In words."""
    measured: float
    threshold: float
    figures: Mapping[str, Any]
    """The baseline it was held against."""
    evidence: Sequence[UUID]
    """Some of the records, and in `evidence_count` how many there are."""
    evidence_count: int
    request_id: str
    """Of the record of its raising."""
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    closed_at: datetime | None
    closed_by: str | None
    note: str | None

    @property
    def public_id(self) -> str:
        """As callers see it."""
        return public(PREFIX, self.id)


@dataclass(frozen=True)
class Wanted:
    """Which alerts; everything given must apply."""

    states: Sequence[AlertState] = ()
    tier: Tier | None = None
    rule: Detection | None = None
    partner: str | None = None
    after: UUID | None = None
    """The last alert already seen."""


@dataclass(frozen=True)
class Floor:
    """What a false-positive mark raised, and until when."""

    rule: Detection
    whom: Whom
    network: str | None
    value: float
    until: datetime
    alert: UUID
    set_by: str

    @property
    def alert_id(self) -> str:
        """The alert that was marked, as callers see it."""
        return public(PREFIX, self.alert)


def find(connection: Connection, wanted: Wanted, *, limit: int) -> list[Alert]:
    """Return the newest alerts that are wanted, at most `limit`."""
    statement = select(alert).order_by(alert.c.id.desc()).limit(limit)
    if wanted.states:
        statement = statement.where(alert.c.state.in_(wanted.states))
    for column, value in ((alert.c.tier, wanted.tier), (alert.c.rule, wanted.rule), (alert.c.partner, wanted.partner)):
        statement = statement if value is None else statement.where(column == value)
    if wanted.after is not None:
        statement = statement.where(alert.c.id < wanted.after)
    return [_alert(row) for row in connection.execute(statement)]


def get(connection: Connection, identifier: str, *, lock: bool = False) -> Alert | None:
    """Return an alert by its public id."""
    known = parse(PREFIX, identifier)
    statement = select(alert).where(alert.c.id == known)
    row = connection.execute(statement.with_for_update() if lock else statement).one_or_none() if known else None
    return _alert(row) if row else None


def find_by_id(connection: Connection, identifier: UUID) -> Alert:
    """Return an alert that is known to be there."""
    return _alert(connection.execute(select(alert).where(alert.c.id == identifier)).one())


def unsettled_by_tier(connection: Connection) -> dict[Tier, int]:
    """How many alerts nobody has closed."""
    statement = select(alert.c.tier, func.count()).where(alert.c.state.in_(UNSETTLED)).group_by(alert.c.tier)
    found: dict[str, int] = dict(connection.execute(statement).all())
    return {tier: found.get(tier, 0) for tier in Tier}


def floors(connection: Connection, *, now: datetime) -> list[Floor]:
    """Every floor that is raised now, by rule and whom."""
    statement = select(alert_floor).where(alert_floor.c.until > now).order_by(*(alert_floor.c[name] for name in _KEY))
    return [_floor(row) for row in connection.execute(statement)]


def acknowledge(connection: Connection, identifier: str, *, by: str, access: Access) -> Alert:
    """Say that somebody looks at it, on record; raise `AlertError`."""
    known = _unsettled(connection, identifier)
    _set(connection, known, state=AlertState.ACKNOWLEDGED, acknowledged_at=access.at, acknowledged_by=by)
    return _changed(connection, known, access)


def close(
    connection: Connection, identifier: str, *, by: str, note: str, false_positive: bool, access: Access
) -> Alert:
    """End it with a note, on record; raise `AlertError`.

    A false positive raises this rule's floor for whom the alert is about, until it expires: visibly, in `floors` and in
    the figures of whatever is told above it.
    """
    said = note.strip()
    if not (1 <= len(said) <= LONGEST_NOTE and said.isprintable()):
        raise NoteError(f"a note has 1 to {LONGEST_NOTE} printable characters")
    known = _unsettled(connection, identifier)
    state = AlertState.FALSE_POSITIVE if false_positive else AlertState.CLOSED
    _set(connection, known, state=state, closed_at=access.at, closed_by=by, note=said)
    if false_positive and known.partner is not None:
        _raise_floor(connection, known, by, access.at)
    return _changed(connection, known, access)


def lower(connection: Connection, identifier: str, *, access: Access) -> None:
    """End the floor that the mark of an alert has raised, on record; raise `AlertError`."""
    standing = and_(alert_floor.c.alert == parse(PREFIX, identifier), alert_floor.c.until > access.at)
    if not connection.execute(delete(alert_floor).where(standing)).rowcount:
        raise AlertError(f"no floor is raised by {identifier}")
    record(connection, access, outcome=Outcome.RELEASED, status=_OK)


def _unsettled(connection: Connection, identifier: str) -> Alert:
    known = get(connection, identifier, lock=True)
    if known is None:
        raise NoSuchAlertError(f"there is no alert {identifier}")
    if known.state not in UNSETTLED:
        raise AlertError(f"{identifier} was closed by {known.closed_by}")
    return known


def _set(connection: Connection, known: Alert, **values: Any) -> None:
    connection.execute(update(alert).where(alert.c.id == known.id).values(**values))


def _changed(connection: Connection, known: Alert, access: Access) -> Alert:
    record(connection, access, outcome=Outcome.RELEASED, status=_OK)
    return find_by_id(connection, known.id)


def _raise_floor(connection: Connection, known: Alert, by: str, now: datetime) -> None:
    statement = upsert(alert_floor).values(
        **{name: getattr(known, name) or EVERY for name in _KEY},
        value=known.measured * rules.MARK,
        until=now + rules.MARK_KEPT,
        alert=known.id,
        set_at=now,
        set_by=by,
    )
    new = statement.excluded
    standing = case((alert_floor.c.until > now, alert_floor.c.value), else_=new.value)
    higher = func.greatest(new.value, standing).label("value")
    changed = {"value": higher, "until": new.until, "alert": new.alert, "set_at": new.set_at, "set_by": new.set_by}
    connection.execute(statement.on_conflict_do_update(index_elements=_KEY, set_=changed))


def _floor(row: Row[Any]) -> Floor:
    whom = Whom(row.partner, row.client or None, row.model or None)
    return Floor(Detection(row.rule), whom, row.network or None, row.value, row.until, row.alert, row.set_by)


def _alert(row: Row[Any]) -> Alert:
    columns = row._asdict()
    closed = {"rule": Detection(row.rule), "tier": Tier(row.tier), "state": AlertState(row.state)}
    return Alert(**columns | closed | {"network": str(row.network) if row.network is not None else None})
