"""Makers of the platform's events, and a platform that feeds them: the smallest valid ones, for tests to vary."""

import io
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import RowMapping, Table, select

from partners.access_log.append import Access
from partners.feed import Feed, Report, apply_stream
from partners.keyring import Keyring
from partners.postgres.database import Database
from partners.registry.acts import access_by_operator
from partners.rights.journal import Journal
from partners.tables.activity import model
from partners.tables.member import member, profile, purchase_total

START = datetime(2026, 10, 1, 12, 0, tzinfo=UTC)
SOURCE = "/platform"
_numbers = itertools.count(1)
_UNTELLABLE = {"device_seen_at", "usage_kept_from"}
"""Columns that may be infinite: Python has no such time."""

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.6.1 Mobile/15E148 Safari/604.1"
)
LAPTOP = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36"
)


def at(**after_start: float) -> datetime:
    """An instant so long after the start of most tests' stories."""
    return START + timedelta(**after_start)


def event(
    type: str, subject: str | None = "m1", time: datetime = START, id: str | None = None, **data: Any
) -> dict[str, Any]:
    """An event; every one has an id of its own unless it is given."""
    document: dict[str, Any] = {
        "specversion": "1.0",
        "id": id or f"e{next(_numbers):06d}",
        "source": SOURCE,
        "type": type,
        "time": time.isoformat(),
        "data": data,
    }
    return document if subject is None else document | {"subject": subject}


def registered(subject: str = "m1", time: datetime = START, id: str | None = None, **data: Any) -> dict[str, Any]:
    """A registration by nobody's referral."""
    usual = {"username": f"user_{subject}", "site": "main", "country": "LU"}
    return event("member.registered", subject, time, id, **(usual | data))


def referred(subject: str = "m1", time: datetime = START, **data: Any) -> dict[str, Any]:
    """A registration that webmaster w1 referred through campaign spring."""
    return registered(subject, time, **({"webmaster": "w1", "campaign": "spring"} | data))


def updated(subject: str = "m1", time: datetime = START, **data: Any) -> dict[str, Any]:
    return event("member.updated", subject, time, **data)


def privacy(subject: str = "m1", time: datetime = START, **data: Any) -> dict[str, Any]:
    return event("member.privacy_changed", subject, time, **data)


def purchased(purchase_id: str = "p1", subject: str = "m1", time: datetime = START, **data: Any) -> dict[str, Any]:
    usual = {"credits": 60, "amount": "29.40", "currency": "EUR", "income": "5.00"}
    return event("credits.purchased", subject, time, purchase_id=purchase_id, **(usual | data))


def refunded(purchase_id: str = "p1", subject: str = "m1", time: datetime = START, **data: Any) -> dict[str, Any]:
    return event("credits.refunded", subject, time, purchase_id=purchase_id, **({"reason": "refund"} | data))


def spent(subject: str = "m1", time: datetime = START, **data: Any) -> dict[str, Any]:
    return event("credits.spent", subject, time, **({"model": "mdl-1", "feature": "tip", "credits": 10} | data))


def acted(action: str = "like", subject: str = "m1", time: datetime = START, model: str = "mdl-1") -> dict[str, Any]:
    return event("action.performed", subject, time, action=action, model=model)


def traffic(time: datetime = START, **data: Any) -> dict[str, Any]:
    usual = {"webmaster": "w1", "campaign": "spring", "slot": "2026-10-01T11:45:00Z", "clicks": 9, "unique_clicks": 5}
    return event("campaign.traffic", None, time, **(usual | data))


def lines(*events: Any) -> bytes:
    """The events as a feed."""
    return b"".join(orjson.dumps(document) + b"\n" for document in events)


@dataclass
class Platform:
    """Feeds events into a database at a fixed instant, and reads back what became of them."""

    db: Database
    keyring: Keyring
    now: datetime
    journal: Path
    """Where what members decided is journalled."""
    codes: list[str] = field(default_factory=list)

    def send(self, *events: Any, batch_lines: int = 4_000) -> Report:
        """Feed events."""
        return self.send_bytes(lines(*events), batch_lines=batch_lines)

    def send_bytes(self, body: bytes, *, batch_lines: int = 4_000) -> Report:
        """Feed bytes."""
        return apply_stream(io.BytesIO(body), self.feed, lambda: self.now, batch_lines=batch_lines)

    def must(self, *events: Any, **more: Any) -> None:
        """Feed events that have to be accepted, every one."""
        report = self.send(*events, **more)
        assert (report.accepted, report.duplicates, report.errors) == (len(events), 0, [])

    def code(self, *events: Any) -> str | None:
        """Feed events; return the code of the last one's refusal, or nothing if all were accepted."""
        report = self.send(*events)
        assert report.rejected <= 1
        return report.errors[-1].fault.code if report.errors else None

    @property
    def feed(self) -> Feed:
        """Where the events go."""
        journal = Journal(self.journal, self.keyring)
        return Feed(self.db, self.keyring, journal, _by_operator)

    def rows(self, table: Table, *order: str) -> list[dict[str, Any]]:
        """All rows of a table."""
        with self.db.write.connect() as connection:
            columns = [column for column in table.c if column.name not in _UNTELLABLE]
            found = connection.execute(select(*columns).order_by(*(table.c[name] for name in order)))
            return [dict(row) for row in found.mappings()]

    def member(self, member_id: str = "m1") -> RowMapping:
        """A member with profile."""
        columns = [column for column in member.c if column.name not in _UNTELLABLE]
        with self.db.write.connect() as connection:
            found = connection.execute(select(*columns, *profile.c[1:]).join(profile).where(member.c.id == member_id))
            return found.mappings().one()

    def number(self, member_id: str = "m1") -> int:
        """The number of a member."""
        number: int = self.member(member_id)["number"]
        return number

    def totals(self, member_id: str = "m1") -> RowMapping:
        """What a member's purchases add up to, without from when on usage is kept."""
        columns = [column for column in purchase_total.c if column.name not in _UNTELLABLE]
        with self.db.write.connect() as connection:
            found = connection.execute(select(*columns).join(member).where(member.c.id == member_id))
            return found.mappings().one()

    def kept_from(self, member_id: str = "m1") -> str:
        """From when on a member's usage data is kept, as PostgreSQL writes it."""
        with self.db.write.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT usage_kept_from::text FROM purchase_total JOIN member ON number = member WHERE id = %s",
                (member_id,),
            )
            return str(found.scalar_one())

    def model_number(self, model_id: str = "mdl-1") -> int:
        """The number of a model."""
        with self.db.write.connect() as connection:
            number: int = connection.execute(select(model.c.number).where(model.c.id == model_id)).scalar_one()
            return number


def _by_operator() -> Access:
    return access_by_operator(datetime.now(UTC), "events.write", operator="tester")
