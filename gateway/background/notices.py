"""The delivery of notices: recipients found in the log, each told with a signed webhook, on record before it goes."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from threading import Event
from typing import Any

import httpx
from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection, Row
from structlog import get_logger

from gateway.background.posting import UnsafeAddressError, acknowledged, post, signed_headers
from gateway.settings import Settings
from gateway.wording import kind_of
from partners import outbox, webhooks
from partners.access_log.append import Access, record
from partners.access_log.identifiers import public
from partners.access_log.policy_versions import policy_documents
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.references import References
from partners.vocabulary import NoticeOutcome, Outcome, Purpose, Reason
from partners.webhooks import Endpoint
from serializers.policy.recorded import Policies
from serializers.webhooks import KNOWN_BY, NOTICE_PREFIX, REF, notice_body, recipients_of

DELIVER, THROTTLE, SUSPEND = "webhooks.deliver", "webhooks.throttle", "webhooks.suspend"
AT_ONCE = 8
"""Partners that are told at the same time: one that is slow keeps nobody else waiting."""
TURN_S = 10.0
"""How long one partner is told before others have their turn; what still waits for it goes on when they had theirs."""
POLL_S = 1.0
TROUBLE_S = 5.0
log = get_logger(__name__)


@dataclass(frozen=True)
class Delivery:
    """What it takes to tell partners; any number may work beside each other."""

    settings: Settings
    keyring: Keyring
    database: Database

    def run(self, stop: Event) -> None:
        """Tell whoever has to be told, until told to stop; after trouble try again."""
        with ThreadPoolExecutor(AT_ONCE + 1) as pool:
            pool.submit(_repeat, self._look_after, stop)
            for _ in range(AT_ONCE):
                pool.submit(_repeat, lambda: self._tell_next(stop) is not None, stop)

    def once(self) -> int:
        """Tell whoever is due now, and return how many notices were acknowledged."""
        self.address()
        try:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                return sum(pool.map(lambda _: self._tell_those_who_are_due(), range(AT_ONCE)))
        finally:
            self._judge_silence()

    def _look_after(self) -> bool:
        """Find recipients of some of what has happened, and judge silence; return whether there is more."""
        is_more = self._address_some() == outbox.BATCH
        self._judge_silence()
        return is_more

    def address(self) -> None:
        """Find the recipients of what has happened."""
        while self._address_some() == outbox.BATCH:
            pass

    def _address_some(self) -> int:
        """Return how many concerns need not be looked at again."""
        now, settled = datetime.now(UTC), 0
        with self.database.write.begin() as connection:
            concerns = outbox.open_concerns(connection)
            policies = Policies(policy_documents(connection)) if concerns else Policies({})
            for concern in concerns:
                self._address_one(connection, concern, policies)
                if concern.created_at < now - outbox.LOG_SETTLES:
                    outbox.settle(connection, concern)
                    settled += 1
            outbox.give_up(connection, now=now)
        return settled

    def _address_one(self, connection: Connection, concern: Row[Any], policies: Policies) -> None:
        received = outbox.received_about(connection, concern)
        for number, found in recipients_of(concern, received, policies).items():
            by_ref = KNOWN_BY[found.audience] == REF
            ref = References(self.keyring).ref(number, concern.member).encode()
            subject = self.keyring.seal(ref) if by_ref else concern.sealed_username
            outbox.add_notice(connection, concern, to=number, fields=found.fields, sealed_subject=subject)

    def _tell_those_who_are_due(self) -> int:
        told, never = 0, Event()
        while (more := self._tell_next(never)) is not None:
            told += more
        return told

    def _tell_next(self, stop: Event) -> int | None:
        """Tell one partner, and return how many notices it acknowledged; nothing where none is due."""
        endpoint = self._lease()
        return None if endpoint is None else self._tell(endpoint, stop)

    def _lease(self) -> Endpoint | None:
        with self.database.write.begin() as connection:
            return webhooks.lease(connection, now=datetime.now(UTC))

    def _tell(self, endpoint: Endpoint, stop: Event) -> int:
        """Tell one partner what waits for it, in order, until it does not acknowledge or has had its turn."""
        told, until = 0, time.monotonic() + TURN_S
        for notice in self._waiting_for(endpoint):
            if not self._deliver(endpoint, notice):
                self._postpone(endpoint, has_acknowledged=told > 0)
                return told
            told += 1
            if stop.is_set() or time.monotonic() > until:
                break
        self._in_a_transaction(lambda connection, now: webhooks.release(connection, endpoint.partner, now=now))
        return told

    def _postpone(self, endpoint: Endpoint, *, has_acknowledged: bool) -> None:
        def postpone(connection: Connection, now: datetime) -> None:
            webhooks.postpone(connection, endpoint, has_acknowledged=has_acknowledged, now=now)

        self._in_a_transaction(postpone)

    def _waiting_for(self, endpoint: Endpoint) -> list[Row[Any]]:
        with self.database.write.begin() as connection:
            return outbox.waiting_for(connection, endpoint.partner)

    def _deliver(self, endpoint: Endpoint, notice: Row[Any]) -> bool:
        """Record that a partner is told, tell it, and put down that it was; no record, no notice."""

        def prepare(connection: Connection, now: datetime) -> None:
            webhooks.keep(connection, endpoint.partner, now=now)
            note(connection, DELIVER, partner_id=endpoint.id, audience=endpoint.kind, at=now)

        self._in_a_transaction(prepare)
        if not self._was_acknowledged(endpoint, notice):
            return False
        closed = NoticeOutcome.ACKNOWLEDGED
        self._in_a_transaction(lambda connection, now: outbox.close(connection, notice.id, closed, now=now))
        return True

    def _was_acknowledged(self, endpoint: Endpoint, notice: Row[Any]) -> bool:
        notice_id = public(NOTICE_PREFIX, notice.id)
        try:
            subject = self.keyring.unseal(notice.sealed_subject).decode()
            secrets = [self.keyring.unseal(each).decode() for each in endpoint.sealed_secrets]
        except InvalidTag:
            log.warning("notice_sealed_with_another_key", partner=endpoint.id, notice=notice_id)
            return False
        body = notice_body(notice, subject, endpoint.kind)
        headers = signed_headers(notice_id, body, secrets)
        try:
            status = post(endpoint.url, body, headers, private=self.settings.webhooks_private)
        except (UnsafeAddressError, TimeoutError, OSError, httpx.HTTPError, httpx.InvalidURL) as error:
            log.warning("notice_not_delivered", partner=endpoint.id, notice=notice_id, error=type(error).__name__)
            return False
        if not acknowledged(status):
            log.warning("notice_not_acknowledged", partner=endpoint.id, notice=notice_id, status=status)
        return acknowledged(status)

    def _judge_silence(self) -> None:
        """Throttle, then suspend, partners that do not acknowledge (R65)."""

        def judge(connection: Connection, now: datetime) -> None:
            webhooks.forgive(connection)
            lowered = webhooks.throttle(connection, silent_since=now - self.settings.throttle_after, now=now)
            stopped = webhooks.suspend(connection, silent_since=now - self.settings.suspend_after, now=now)
            for operation, partners in ((THROTTLE, lowered), (SUSPEND, stopped)):
                for partner_id in partners:
                    log.warning("partner_silent", partner=partner_id, led_to=operation)
                    reason = Reason.SUSPENDED if operation == SUSPEND else None
                    note(connection, operation, partner_id=partner_id, at=now, outcome=Outcome.LIMITED, reason=reason)

        self._in_a_transaction(judge)

    def _in_a_transaction(self, work: Callable[[Connection, datetime], object]) -> None:
        with self.database.write.begin() as connection:
            work(connection, datetime.now(UTC))


def _repeat(work: Callable[[], bool], stop: Event) -> None:
    """Work until told to stop: at once where there is more to do, and after trouble a while later."""
    while not stop.is_set():
        try:
            if not work():
                stop.wait(POLL_S)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the delivery
            log.warning("delivery_failed", error=kind_of(error))
            stop.wait(TROUBLE_S)


def note(
    connection: Connection,
    operation: str,
    *,
    partner_id: str,
    at: datetime,
    audience: str | None = None,
    outcome: Outcome = Outcome.EMPTY,
    reason: Reason | None = None,
) -> None:
    """Put on record what was done about a partner's notices: they carry no value, so nothing is released."""
    access = Access.without_request(at, operation, Purpose.MEMBERS_RIGHTS, audience=audience, partner=partner_id)
    record(connection, access, outcome=outcome, status=HTTPStatus.OK, reason=reason)
