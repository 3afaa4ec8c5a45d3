"""Pushing the sealed log to security tools: in order, at least once, each batch on record before it is sent."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from threading import Event
from typing import Any

from sqlalchemy import Connection
from structlog import get_logger

from gateway.background.carriers import Answer, carry
from gateway.settings import Settings
from gateway.wording import kind_of
from partners.access_log import following, sinks
from partners.access_log.append import Access, record
from partners.access_log.policy_versions import policy_documents
from partners.access_log.sinks import Sink
from partners.access_log.tree import BrokenTreeError
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.vocabulary import Outcome, Purpose
from serializers.audit import followed_entry
from serializers.policy.recorded import Policies

AT_ONCE = 4
"""Sinks that are served at the same time: one that hangs keeps nobody else waiting."""
BATCH = 200
POLL_S = 0.5
TROUBLE_S = 5.0
SIGN_OF_LIFE_S = 15.0
HEARTBEAT = timedelta(seconds=60)
"""A sink that has taken nothing for so long is told that there is nothing."""
LONGEST_WAIT_S = 300.0
MOST_REFUSALS = 5
"""After so many in a row an entry is passed over."""
_MOST_DOUBLINGS = 10
log = get_logger(__name__)


@dataclass(frozen=True)
class _Batch:
    entries: list[dict[str, Any]]
    through: int
    """The index of the last of them."""


class _MovedError(Exception):
    """A sink was rewound or removed while a worker was at it."""


@dataclass(frozen=True)
class Pushing:
    """What it takes to push; any number may work beside each other."""

    settings: Settings
    keyring: Keyring
    database: Database
    heartbeat: timedelta = HEARTBEAT

    def run(self, stop: Event) -> None:
        """Push whatever is sealed until told to stop; after trouble with the database try again."""
        with ThreadPoolExecutor(AT_ONCE + 1) as pool:
            pool.submit(self._live, stop)
            for _ in range(AT_ONCE):
                pool.submit(self._work, stop)

    def once(self) -> int:
        """Push what there is now to every sink that is due, and return how many entries were taken."""
        taken = 0
        while (sink := self._lease()) is not None:
            taken += self._serve(sink, Event())
        return taken

    def _live(self, stop: Event) -> None:
        while not stop.is_set():
            try:
                with self.database.write.begin() as connection:
                    sinks.sign_of_life(connection, now=datetime.now(UTC))
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the thread
                log.warning("push_failed", error=kind_of(error))
            stop.wait(SIGN_OF_LIFE_S)

    def _work(self, stop: Event) -> None:
        while not stop.is_set():
            try:
                sink = self._lease()
                if sink is None:
                    stop.wait(POLL_S)
                else:
                    self._serve(sink, stop)
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the worker
                log.warning("push_failed", error=kind_of(error))
                stop.wait(TROUBLE_S)

    def _lease(self) -> Sink | None:
        with self.database.write.begin() as connection:
            return sinks.lease(connection, now=datetime.now(UTC), heartbeat=self.heartbeat)

    def _serve(self, sink: Sink, stop: Event) -> int:
        """Bring a sink what follows its position until there is no more or it takes no more; return how much it took.

        Whatever goes wrong with one sink is put down, and tried again later: nobody else is kept waiting.
        """
        taken, serving = 0, True
        try:
            while serving and not stop.is_set():
                batch = self._prepare(sink)
                answer = self._attempt(sink, batch)
                taken += len(batch.entries) if answer.is_taken else 0
                sink, serving = self._settle(sink, batch, answer)
        except _MovedError:
            log.info("sink_moved", sink=sink.name)
        except BrokenTreeError:
            log.error("sealed_log_broken", sink=sink.name)  # noqa: TRY400 - where it was found says nothing
            self._postpone(sink, Answer(is_taken=False, trouble="the sealed log is broken"))
        with self.database.write.begin() as connection:
            sinks.release(connection, sink)
        return taken

    def _prepare(self, sink: Sink) -> _Batch:
        """What goes next, fixed and put on record where it is new; nothing for a sign of life."""
        with self.database.write.begin() as connection:
            if sink.sending is None and not following.has_news(connection, after=sink.position):
                return _Batch([], sink.position)
            found = following.follow(connection, after=sink.position, limit=BATCH, through=sink.sending)
            through = found[-1].index
            if sink.sending is None:
                _note(connection, sink)
            _begin(connection, sink, through)
            policies = Policies(policy_documents(connection))
        return _Batch([followed_entry(each, policies) for each in found], through)

    def _attempt(self, sink: Sink, batch: _Batch) -> Answer:
        try:
            return carry(sink, batch.entries, self.keyring, log=self.settings.log_origin)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a trouble of this sink
            return Answer(is_taken=False, trouble=type(error).__name__)

    def _settle(self, sink: Sink, batch: _Batch, answer: Answer) -> tuple[Sink, bool]:
        """Put down what became of a batch; return the sink as it stands now, and whether to go on with it."""
        if answer.is_taken:
            return self._move(sink, batch.through)
        if not answer.is_refusal or not batch.entries:
            return self._postpone(sink, answer)
        if len(batch.entries) > 1:
            return self._halve(sink, batch)
        is_last = sink.refusals + 1 >= MOST_REFUSALS
        if is_last and not self._attempt(sink, _Batch([], sink.position)).is_taken:
            # Who does not take a sign of life either says nothing of the entry.
            return self._postpone(sink, answer)
        return self._pass_over(sink, answer)

    def _move(self, sink: Sink, through: int) -> tuple[Sink, bool]:
        with self.database.write.begin() as connection:
            goes_on = sinks.delivered(connection, sink, through, now=datetime.now(UTC))
            more = goes_on and following.has_news(connection, after=through)
        return replace(sink, position=through, sending=None, refusals=0, failures=0), more

    def _halve(self, sink: Sink, batch: _Batch) -> tuple[Sink, bool]:
        """Find out which of the entries it is that a sink does not take."""
        through = sink.position + len(batch.entries) // 2
        with self.database.write.begin() as connection:
            _begin(connection, sink, through)
        return replace(sink, sending=through), True

    def _pass_over(self, sink: Sink, answer: Answer) -> tuple[Sink, bool]:
        now, status = datetime.now(UTC), answer.status or 0
        until = now + _wait(sink.failures, answer)
        with self.database.write.begin() as connection:
            is_over = sinks.refused(connection, sink, status, most=MOST_REFUSALS, until=until, now=now)
        if is_over:
            log.error("entry_refused", sink=sink.name, index=sink.position + 1, status=status)
        return replace(sink, position=sink.position + 1, sending=None, refusals=0, failures=0), is_over

    def _postpone(self, sink: Sink, answer: Answer) -> tuple[Sink, bool]:
        log.warning("push_not_taken", sink=sink.name, trouble=answer.trouble, failures=sink.failures + 1)
        until = datetime.now(UTC) + _wait(sink.failures, answer)
        with self.database.write.begin() as connection:
            sinks.postpone(connection, sink, answer.trouble, until=until)
        return sink, False


def _wait(failures: int, answer: Answer) -> timedelta:
    """Twice as long each time, and never two sinks in step; no sooner than the sink asks for."""
    longest = min(LONGEST_WAIT_S, 2.0 ** min(failures, _MOST_DOUBLINGS))
    return timedelta(seconds=max(longest * random.uniform(0.5, 1.0), answer.retry_after_s))  # noqa: S311 - no secret


def _begin(connection: Connection, sink: Sink, through: int) -> None:
    """Fix what a batch goes up to; raise `_MovedError`, so that nothing is on record that is not sent."""
    if not sinks.begin(connection, sink, through, now=datetime.now(UTC)):
        raise _MovedError


def _note(connection: Connection, sink: Sink) -> None:
    access = Access.without_request(datetime.now(UTC), following.PUSHED, Purpose.SECURITY, client=f"sink:{sink.name}")
    record(connection, access, outcome=Outcome.RELEASED, status=HTTPStatus.OK)
