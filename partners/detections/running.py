"""A run of the detections: count what was sealed since the last one, judge it, raise what is out of the ordinary."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, case, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from partners.access_log.append import record
from partners.detections import clients, days, hours
from partners.detections.alerts import floors, unsettled_by_tier
from partners.detections.asked import Asked
from partners.detections.counting import count, first_index
from partners.detections.gaps import gaps
from partners.detections.judging import judge
from partners.detections.raising import Raised, Recorded, raise_alerts
from partners.detections.suspicions import Suspicion
from partners.postgres.locks import Lock
from partners.tables.detections import detection_progress
from partners.vocabulary import Outcome, Tier

COUNTED_BACK = timedelta(days=60)
"""How far the first run of all looks back for habits."""
TOLD_BACK = timedelta(days=1)
"""And how far for alerts, unless it is told."""
SLACK = timedelta(hours=1)
"""Windows are looked at again for so long before what is not judged yet, to be on the safe side."""
_OK = 200


@dataclass(frozen=True)
class Run:
    """What a run came to."""

    entries: int
    """Sealed entries that it counted."""
    raised: Sequence[Raised]
    unsettled: dict[Tier, int]
    """Alerts that nobody has closed, after it."""


def detect(
    engine: Engine,
    *,
    now: datetime,
    recorded: Recorded,
    since: datetime | None = None,
    every: timedelta = timedelta(0),
) -> Run | None:
    """Run once; None where another process does, or did less than `every` ago.

    `since` judges again from an instant on, at least as far back as is untold; what is told already is not told twice.
    """
    with engine.connect() as guard, guard.begin():
        if not guard.scalar(select(func.pg_try_advisory_xact_lock(Lock.DETECTING.key))):
            return None
        left = guard.execute(select(detection_progress)).one_or_none()
        if left is not None and left.run_at is not None and now - left.run_at < every:
            return None
        return _run(engine, left, now=now, recorded=recorded, since=since)


def last_run_at(connection: Connection) -> datetime | None:
    """When they ran last, wherever."""
    found: datetime | None = connection.scalar(select(detection_progress.c.run_at))
    return found


def _run(engine: Engine, left: Row[Any] | None, *, now: datetime, recorded: Recorded, since: datetime | None) -> Run:
    first = left.next_index if left is not None else _begin(engine, now)
    following = _count_all(engine, first)
    untold = _untold(engine, now)
    from_then = min(since, untold) if since else untold
    suspicions = [*_suspicions(engine, from_then, now), *gaps(engine, left, now=now, wait=time.sleep)]
    with engine.begin() as connection:
        raised = raise_alerts(connection, suspicions, now=now, recorded=recorded)
        access = recorded("audit.detect", now)
        record(connection, access, outcome=Outcome.RELEASED, status=_OK)
        progress = {"judged_until": now, "run_at": now, "run_request": access.request_id}
        connection.execute(update(detection_progress).values(progress))
        return Run(following - first, raised, unsettled_by_tier(connection))


def _begin(engine: Engine, now: datetime) -> int:
    with engine.begin() as connection:
        first = first_index(connection, now - COUNTED_BACK)
        statement = upsert(detection_progress).values(only=1, next_index=first)
        connection.execute(statement.on_conflict_do_nothing())
        return first


def _count_all(engine: Engine, first: int) -> int:
    """Count what is sealed, and note how far back that is to be judged, whatever becomes of this run.

    What is sealed late counts at the time of its request.
    """
    judged_until = detection_progress.c.judged_until
    while True:
        with engine.begin() as connection:
            counted = count(connection, first)
            if counted.earliest is None:
                return first
            # Nothing to lower as long as no run has ended: the next one is the first that tells.
            lowered = case((judged_until > counted.earliest, counted.earliest), else_=judged_until)
            progress = {"next_index": counted.following, "judged_until": lowered}
            connection.execute(update(detection_progress).values(progress))
        first = counted.following


def _untold(engine: Engine, now: datetime) -> datetime:
    """From when on there may be something that is not told."""
    with engine.connect() as connection:
        judged_until: datetime | None = connection.scalar(select(detection_progress.c.judged_until))
    return now - TOLD_BACK if judged_until is None else judged_until - SLACK


def _suspicions(engine: Engine, since: datetime, now: datetime) -> list[Suspicion]:
    # Each in a transaction of its own: what has written once holds the sequencer back until it ends.
    with engine.begin() as connection:
        raised_floors = {(each.rule, each.whom, each.network): each.value for each in floors(connection, now=now)}
    asked = Asked(since, now, raised_floors)
    with engine.begin() as connection:
        days.ask_what_is_reachable(connection, asked)
    with engine.connect() as connection:
        return list(judge(_facts(connection, asked)))


def _facts(connection: Connection, asked: Asked) -> Any:  # noqa: ANN401 - facts of every kind
    readings = (
        days.volumes,
        hours.lookups,
        hours.refusals,
        days.reaches,
        clients.networks,
        hours.hours,
        clients.wakings,
        clients.changes,
    )
    for reading in readings:
        yield from reading(connection, asked)
