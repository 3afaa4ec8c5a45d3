"""Gaps in the log itself: what waits to be sealed for too long, and what was there and never got in."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, Row, Select, bindparam, or_, select

from partners.access_log import stored_checkpoints
from partners.detections import rules
from partners.detections.asked import beginning_of_hour, day_window, hour_window
from partners.detections.suspicions import Figure, Suspicion, Whom, Window
from partners.tables.access import TransactionId, access_log
from partners.tables.sealing import log_checkpoint, sealed_leaf
from partners.vocabulary import Detection, Tier

LOOK_AGAIN_S = 2.0
"""What a long request has just recorded is old when it comes, and sealed within this time."""


def gaps(engine: Engine, left: Row[Any] | None, *, now: datetime, wait: Callable[[float], None]) -> list[Suspicion]:
    """Look at the log itself; `left` is the progress of the last run, which names the record that it left."""
    found = _waiting(engine, now)
    if found is not None:
        wait(LOOK_AGAIN_S)
        again = _waiting(engine, now)
        return [_lag(found, now)] if again is not None and again.id == found.id else []
    return list(_lost(engine, left, now))


def found_elsewhere(what: str, summary: str, records: Sequence[UUID], *, now: datetime) -> Suspicion:
    """What a verification or a comparison with the proxy's log has found; once a day each."""
    day = day_window(now.date())
    return _gap(what, summary, day, records, measured=max(len(records), 1))


def _waiting(engine: Engine, now: datetime) -> Row[Any] | None:
    """The oldest record that is not sealed although it should be."""
    with engine.connect() as connection:
        newest = stored_checkpoints.newest(connection)
        row = connection.execute(_OLDEST, {"horizon": newest.horizon if newest else 0}).first()
        if row is None or now - row.at <= rules.LONGEST_SEAL_LAG:
            return None
        sealed_at = connection.execute(_LAST_SEAL).scalar()
        return row if sealed_at is None or now - sealed_at > rules.LONGEST_SEAL_LAG else None


def _lag(row: Row[Any], now: datetime) -> Suspicion:
    seconds = round((now - row.at).total_seconds())
    text = f"A record has been waiting to be sealed for {seconds} seconds; a sequencer that runs takes one or two."
    return _gap("seal_lag", text, hour_window(beginning_of_hour(row.at)), [row.id], measured=seconds)


def _lost(engine: Engine, left: Row[Any] | None, now: datetime) -> Iterator[Suspicion]:
    if left is None or left.run_at is None or now - left.run_at <= rules.LONGEST_SEAL_LAG:
        return
    with engine.connect() as connection:
        newest = stored_checkpoints.newest(connection)
        which = {"at": left.run_at, "request": left.run_request, "horizon": newest.horizon if newest else 0}
        is_there = connection.execute(_SEALED_OR_WAITING, which).first() is not None
    if not is_there:
        text = (
            f"The record that was left at {left.run_at:%Y-%m-%dT%H:%M:%SZ} is not in the sealed log, and nothing waits."
        )
        yield _gap("heartbeat", text, Window(left.run_at, left.run_at + timedelta(seconds=1)), [])


def _gap(what: str, summary: str, window: Window, records: Sequence[UUID], *, measured: float = 1) -> Suspicion:
    longest = rules.LONGEST_SEAL_LAG.total_seconds() if what == "seal_lag" else 0
    figures: dict[str, Figure] = {"what": what}
    return Suspicion(
        Detection.GAP, Tier.PAGE, Whom(aspect=what), window, measured, longest, summary, figures, records=records
    )


_OLDEST: Select[Any] = (
    select(access_log.c.at, access_log.c.id)
    .where(access_log.c.transaction >= bindparam("horizon", type_=TransactionId))
    .order_by(access_log.c.transaction)
    .limit(1)
)
_LAST_SEAL = select(log_checkpoint.c.at).order_by(log_checkpoint.c.number.desc()).limit(1)
_SEALED_OR_WAITING = (
    select(access_log.c.id)
    .outerjoin(sealed_leaf, access_log.c.id == sealed_leaf.c.access)
    .where(access_log.c.at == bindparam("at"), access_log.c.request_id == bindparam("request"))
    .where(
        or_(
            sealed_leaf.c.index.is_not(None),
            access_log.c.transaction >= bindparam("horizon", type_=TransactionId),
        )
    )
)
