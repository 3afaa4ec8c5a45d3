"""Pasts for tests: records appended by the gateway's own statements at instants of the past, sealed, and looked at."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from partners.access_log.append import Access, record
from partners.access_log.identifiers import REQUEST_PREFIX, new_id, public
from partners.detections.alerts import Alert
from partners.detections.running import detect
from partners.postgres import database
from partners.postgres.partitions import make_partitions
from partners.vocabulary import Outcome, PartnerKind, Purpose, Reason
from tests.factories import add_client, add_partner
from tests.partners.access_log.logs import Log

NOW = datetime.now(UTC).replace(hour=15, minute=0, second=0, microsecond=0) - timedelta(days=1)
"""Yesterday, in the afternoon: everything is told as if it were then."""
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
AN_HOUR_AGO = NOW - timedelta(hours=1, minutes=30)
"""In the early afternoon, beside an hour in which everybody calls."""


@dataclass(frozen=True)
class Call:
    """A request of a client, and what became of it."""

    at: datetime
    members: Sequence[int] = ()
    partner: str = "w1"
    model: str | None = None
    audience: str = PartnerKind.WEBMASTER
    operation: str = "members.list"
    outcome: Outcome = Outcome.RELEASED
    status: int = 200
    reason: Reason | None = None
    ip: str = "192.0.2.7"


def own_record(operation: str, at: datetime) -> Access:
    """The gateway's own record."""
    request = public(REQUEST_PREFIX, new_id(at))
    return Access(at, request, None, None, None, None, None, operation, Purpose.SECURITY)


@dataclass
class Past:
    """What happened, and what the detections make of it."""

    log: Log

    def __post_init__(self) -> None:
        self.make_room(*(NOW - timedelta(days=days) for days in range(0, 150, 28)))

    def make_room(self, *instants: datetime) -> None:
        """Let records be of other months too."""
        owner = database.owner(self.log.url)
        with owner.begin() as connection:
            for instant in instants:
                make_partitions(connection, now=instant)
        owner.dispose()

    def partner(self, id: str = "w1", kind: PartnerKind = PartnerKind.WEBMASTER) -> int:
        """Register a partner with one client, `client-` and its id, a hundred days ago."""
        with self.log.engines.write.begin() as connection:
            number = add_partner(connection, id, kind)
            add_client(connection, number, f"client-{id}", created_at=NOW - 100 * DAY)
        return number

    def happen(self, calls: Iterable[Call]) -> None:
        """Append the records, and seal them."""
        with self.log.engines.write.begin() as connection:
            for call in sorted(calls, key=lambda each: each.at):
                told = {"outcome": call.outcome, "status": call.status, "reason": call.reason}
                record(connection, access_of(call), members=call.members, **told)  # type: ignore[arg-type]
        while self.log.seal().is_full:
            pass

    def detect(self, *, now: datetime = NOW, since: datetime | None = None) -> list[Alert]:
        """Run the detections, and return what they raised."""
        run = detect(self.log.engines.write, now=now, recorded=own_record, since=since)
        assert run is not None
        self.log.seal()
        return [each.alert for each in run.raised]


def access_of(call: Call) -> Access:
    """What is on record of a call."""
    facts = own_record(call.operation, call.at)
    client = f"client-{call.partner}"
    whose: dict[str, Any] = {"audience": call.audience, "partner": call.partner, "client": client, "model": call.model}
    return replace(facts, ip=call.ip, purpose=Purpose.CAMPAIGNS, **whose)


def office_days(days: int = 34, *, members: int = 48, **facts: Any) -> Iterator[Call]:
    """A page a day, at nine, at noon or in the afternoon, the same members each day."""
    for number in range(1, days + 1):
        hour = (9, 12, 15)[number % 3]
        yield Call((NOW - number * DAY).replace(hour=hour), tuple(range(1, members + 1)), **facts)
