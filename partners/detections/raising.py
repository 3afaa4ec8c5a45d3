"""From suspicions to alerts: each once, on record, with the records that show it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, select, update

from partners.access_log.append import Access, record
from partners.access_log.identifiers import new_id
from partners.detections import rules
from partners.detections.alerts import Alert, find_by_id
from partners.detections.evidence import evidence_of
from partners.detections.suspicions import Suspicion
from partners.tables.detections import alert
from partners.vocabulary import AlertState, Outcome, Tier

_OK = 200
_NOT_CLOSED = dict.fromkeys(("closed_at", "closed_by", "note"))
Recorded = Callable[[str, datetime], Access]
"""Who is on record for an operation at an instant."""


@dataclass(frozen=True)
class Raised:
    """An alert that is new, or was there and is told again because it became worse."""

    alert: Alert
    is_new: bool


def raise_alerts(
    connection: Connection, suspicions: Iterable[Suspicion], *, now: datetime, recorded: Recorded
) -> list[Raised]:
    """Raise what is not told yet: one alert for whom, rule and window, an hour of quiet after a short one."""
    in_order = sorted(suspicions, key=lambda each: each.window.since)
    # All of it before the first record: what has written once holds the sequencer back until it ends.
    shown = [(each, evidence_of(connection, each)) for each in in_order if _known(connection, each)[1]]
    found = (_raise(connection, *each, now=now, recorded=recorded) for each in shown)
    return [each for each in found if each is not None]


def _raise(
    connection: Connection, suspicion: Suspicion, evidence: tuple[list[UUID], int], *, now: datetime, recorded: Recorded
) -> Raised | None:
    known, is_news = _known(connection, suspicion)
    if not is_news:
        return None
    access = recorded("audit.raise", now)
    record(connection, access, outcome=Outcome.RELEASED, status=_OK)
    values = _values(suspicion, evidence) | {"request_id": access.request_id, "state": AlertState.OPEN}
    if known is None:
        identifier = new_id(now)
        window = {"since": suspicion.window.since, "until": suspicion.window.until}
        connection.execute(insert(alert).values(id=identifier, raised_at=now, **_whose(suspicion), **window, **values))
    else:
        identifier = known.id
        values |= _NOT_CLOSED
        connection.execute(update(alert).where(alert.c.id == identifier).values(**values))
    return Raised(find_by_id(connection, identifier), is_new=known is None)


def _known(connection: Connection, suspicion: Suspicion) -> tuple[Row[Any] | None, bool]:
    """What is told of it already, and whether there is something to tell."""
    known = connection.execute(_overlapping(suspicion)).first()
    return known, known is None or _is_worse(known, suspicion)


def _is_worse(known: Row[Any], suspicion: Suspicion) -> bool:
    """Whether it pages now, or is above the floor that a mark has set for the very same window."""
    marked = known.state == AlertState.FALSE_POSITIVE and suspicion.whom.partner is not None
    return marked or (known.tier == Tier.QUEUE and suspicion.tier is Tier.PAGE)


def _whose(suspicion: Suspicion) -> dict[str, Any]:
    return {"rule": suspicion.rule, **vars(suspicion.whom)}


def _values(suspicion: Suspicion, evidence: tuple[list[UUID], int]) -> dict[str, Any]:
    records, count = evidence
    return {
        "tier": suspicion.tier,
        "network": suspicion.network,
        "summary": suspicion.summary,
        "measured": suspicion.measured,
        "threshold": suspicion.threshold,
        "figures": dict(suspicion.figures),
        "evidence": records,
        "evidence_count": count,
    }


def _overlapping(suspicion: Suspicion) -> Any:  # noqa: ANN401 - a statement
    """The newest alert for the same that is about the same time, or about just before."""
    whose: list[ColumnElement[bool]] = [
        alert.c[name].is_not_distinct_from(value) for name, value in _whose(suspicion).items()
    ]
    is_short = suspicion.window.until - suspicion.window.since < rules.WAKING
    quiet = rules.QUIET if is_short else rules.QUIET * 0
    overlap = and_(alert.c.since < suspicion.window.until, alert.c.until > suspicion.window.since - quiet)
    columns = (alert.c.id, alert.c.tier, alert.c.state)
    return select(*columns).where(*whose, overlap).order_by(alert.c.since.desc()).limit(1)
