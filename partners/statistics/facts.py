"""Where statistics come from: the counters, the counted events they are made of, and the clicks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    FromClause,
    Interval,
    Text,
    and_,
    case,
    cast,
    func,
    literal_column,
    null,
    or_,
    true,
)
from sqlalchemy.types import TypeEngine

from partners.instants import QUARTER_HOUR
from partners.postgres.literals import number_literal, text_literal
from partners.tables.activity import ledger_entry, registration, traffic
from partners.tables.member import member, purchase_total
from partners.tables.partner import campaign
from partners.tables.statistics import statistic
from partners.usage import usage_still_kept
from partners.vocabulary import SUB_GROUPS, LedgerType, Metric

DIMENSIONS: Mapping[str, TypeEngine[Any]] = {
    "campaign": BigInteger(),
    **{name: Text() for name in ("site", "country", "device_type", *SUB_GROUPS, "currency")},
}
_INSTANT = DateTime(timezone=True)
_SLOT = literal_column(f"interval '{QUARTER_HOUR.seconds} seconds'", Interval)
# `date_bin` counts from its origin: nothing happened before this one.
_ORIGIN = literal_column(f"timestamptz '{datetime(1, 1, 1, tzinfo=UTC).isoformat()}'", _INSTANT)


@dataclass(frozen=True)
class Source:
    """Rows that statistics are made of."""

    rows: FromClause
    webmaster: ColumnElement[int]
    at: ColumnElement[datetime]
    """What an index leads to, after the webmaster."""
    slot: ColumnElement[datetime]
    """The start of the quarter hour in which it stands."""
    known: Mapping[str, ColumnElement[Any]]
    """Its dimensions, the campaign by number."""
    metrics: Mapping[Metric, ColumnElement[Any]]
    counted: ColumnElement[bool]

    def dimension(self, name: str) -> ColumnElement[Any]:
        """A dimension; null where the source does not know it."""
        return self.known.get(name, cast(null(), DIMENSIONS[name]))


def _slot_of(at: ColumnElement[datetime]) -> ColumnElement[datetime]:
    return func.date_bin(_SLOT, at, _ORIGIN, type_=_INSTANT)


_PURCHASE = ledger_entry.c.type == text_literal(LedgerType.PURCHASE)


def _of(kind: ColumnElement[bool], figure: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((kind, figure), else_=number_literal(0))


def _event(table: FromClause, metrics: Mapping[Metric, ColumnElement[Any]], *, tells_devices: bool) -> Source:
    """Counted events one by one, with the sub ids of members who are neither erased nor about to be (R50).

    Beside the type of a device, sub ids end when usage data do: they can stand for one person (R36).
    """
    is_known = and_(member.c.number == table.c.member, ~member.c.erased)
    rows = table.outerjoin(member, is_known)
    known: dict[str, ColumnElement[Any]] = {name: table.c[name] for name in DIMENSIONS if name in table.c}
    known |= {sub.value: member.c[sub] for sub in SUB_GROUPS}
    if tells_devices:
        rows = rows.outerjoin(purchase_total, purchase_total.c.member == member.c.number)
        is_kept = and_(usage_still_kept(), table.c.at >= purchase_total.c.usage_kept_from)
        known |= {sub.value: case((is_kept, member.c[sub])) for sub in SUB_GROUPS}
    return Source(
        rows=rows,
        webmaster=table.c.webmaster,
        at=table.c.at,
        slot=_slot_of(table.c.at),
        known=known,
        metrics=metrics,
        counted=table.c.counted,
    )


COUNTERS = Source(
    rows=statistic,
    webmaster=statistic.c.webmaster,
    at=statistic.c.slot,
    slot=statistic.c.slot,
    known={name: statistic.c[name] for name in DIMENSIONS if name in statistic.c},
    metrics={metric: statistic.c[metric] for metric in Metric if metric in statistic.c},
    counted=true(),
)
TRAFFIC = Source(
    rows=traffic.join(campaign, campaign.c.number == traffic.c.campaign),
    webmaster=campaign.c.partner,
    at=traffic.c.slot,
    slot=traffic.c.slot,
    known={"campaign": traffic.c.campaign},
    metrics={metric: traffic.c[metric] for metric in (Metric.CLICKS, Metric.UNIQUE_CLICKS)},
    # Rows without any count are left out; no other source has any.
    counted=or_(traffic.c.clicks > number_literal(0), traffic.c.unique_clicks > number_literal(0)),
)
_MONEY = {
    Metric.FIRST_PURCHASES: _of(ledger_entry.c.first, number_literal(1)),
    Metric.PURCHASES: _of(_PURCHASE, number_literal(1)),
    Metric.CREDITS: _of(_PURCHASE, ledger_entry.c.credits),
    Metric.AMOUNT: _of(_PURCHASE, ledger_entry.c.amount),
    Metric.REFUNDS: _of(~_PURCHASE, number_literal(1)),
    Metric.REFUNDED_AMOUNT: _of(~_PURCHASE, -ledger_entry.c.amount),
    Metric.INCOME: ledger_entry.c.income,
}


def events(*, tells_devices: bool) -> tuple[Source, ...]:
    """Registrations and what happened to money, one by one."""
    return (
        _event(registration, {Metric.REGISTRATIONS: number_literal(1)}, tells_devices=tells_devices),
        _event(ledger_entry, _MONEY, tells_devices=tells_devices),
    )
