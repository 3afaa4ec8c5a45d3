"""Applying checked lines: one batch a transaction, one writer at a time, strictly in the order of the lines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg.errors
from sqlalchemy import Connection, func, select, true
from sqlalchemy.exc import OperationalError

from partners.access_log.append import Access, record
from partners.feed.applying import apply
from partners.feed.checking import Checked
from partners.feed.concerns import choices_of_batch, concerns_of_batch, opt_outs_of_batch
from partners.feed.events import Event
from partners.feed.faults import Fault, Refused, Repeated
from partners.feed.loading import load
from partners.feed.parameters import among, as_values
from partners.feed.report import LineError, Report
from partners.feed.state import State
from partners.feed.writing import write
from partners.keyring import Keyring
from partners.outbox import write_concerns
from partners.postgres.database import Database
from partners.postgres.locks import Lock
from partners.rights.journal import Journal
from partners.statistics import count
from partners.tables.activity import applied_event
from partners.vocabulary import Outcome

ATTEMPTS = 3
_ONE_WRITER = select(
    func.pg_advisory_xact_lock(Lock.FEEDING.key),
    func.set_config("enable_seqscan", "off", true()),
)
"""Whoever holds the lock may write events until its transaction ends.

Every look-up of a batch has its index, but a connection keeps its plans: those made while the tables were small would
read them whole, and ever longer.
"""
_APPLIED = select(applied_event.c.digest).where(among(applied_event.c.digest))


@dataclass(frozen=True)
class Feed:
    """Where a feed is applied, and with which keys."""

    database: Database
    keyring: Keyring
    journal: Journal
    """Where members' choices outlive the restore of a backup (R41)."""
    access: Callable[[], Access]
    """Who feeds, as the access log describes it: opt-outs are looked up there, however they came (contract §9)."""

    def apply(self, batch: Sequence[Checked], *, now: datetime) -> Report:
        """Apply a batch, whole or not at all; a deadlock with another kind of writer is tried again."""
        for attempt in range(ATTEMPTS):
            try:
                return self._apply_once(batch, now)
            except OperationalError as error:
                if attempt + 1 == ATTEMPTS or not isinstance(error.orig, psycopg.errors.DeadlockDetected):
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _apply_once(self, batch: Sequence[Checked], now: datetime) -> Report:
        # Those who wait here hold no connection.
        with self.database.feeding, self.database.write.begin() as connection:
            connection.execute(_ONE_WRITER)
            applied = _already_applied(connection, batch)
            fresh = [line.found for line in batch if isinstance(line.found, Event) and line.digest not in applied]
            state = load(connection, fresh, keyring=self.keyring, now=now)
            state.applied = applied
            report = _apply_in_order(state, batch)
            concerns = concerns_of_batch(connection, state)
            write(connection, state)
            self._record_opt_outs(connection, state)
            self.journal.append(connection, choices_of_batch(state))
            count(connection, registrations=state.registrations, ledger=state.ledger, through=state.through)
            # Last: until the commit partners are given what they were given before, and have to be told of it (R65).
            write_concerns(connection, concerns, self.keyring)
            return report

    def _record_opt_outs(self, connection: Connection, state: State) -> None:
        for reason, members in opt_outs_of_batch(state):
            record(connection, self.access(), outcome=Outcome.RELEASED, status=200, reason=reason, members=members)


def _already_applied(connection: Connection, batch: Sequence[Checked]) -> set[str]:
    digests = {line.digest for line in batch if line.digest is not None}
    if not digests:
        return set()
    return {digest.hex for digest in connection.execute(_APPLIED, as_values(digests)).scalars()}


def _apply_in_order(state: State, batch: Sequence[Checked]) -> Report:
    report = Report()
    for line in batch:
        try:
            _apply_one(state, line)
        except Refused as refused:
            report.reject(LineError(line.line, line.id, refused.fault))
        except Repeated:
            report.duplicates += 1
        else:
            report.accepted += 1
    return report


def _apply_one(state: State, line: Checked) -> None:
    found = line.found
    if line.digest in state.applied:
        raise Repeated
    if isinstance(found, Fault):
        raise Refused(found.code, found.detail)
    apply(state, found)
    state.applied.add(found.digest)
    state.newly_applied.append(found.digest)
    if state.through is None or found.time > state.through:
        state.through = found.time
