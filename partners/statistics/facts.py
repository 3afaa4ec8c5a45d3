"""Where statistics come from: the sources of facts, all in the same columns."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    FromClause,
    Integer,
    Interval,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    null,
    select,
    true,
)
from sqlalchemy.types import TypeEngine

from partners.literals import number_literal, text_literal
from partners.statistics.counters import SLOT
from partners.tables.activity import ledger_entry, registration, traffic
from partners.tables.member import member
from partners.tables.partner import campaign, partner
from partners.tables.statistics import statistic
from partners.vocabulary import SUB_GROUPS, LedgerType, Metric

DIMENSIONS: Mapping[str, TypeEngine[Any]] = {
    "campaign": BigInteger(),
    **{name: Text() for name in ("site", "country", "device_type", *SUB_GROUPS, "currency")},
}
_INSTANT = DateTime(timezone=True)
_SECOND = literal_column("interval '1 second'", Interval)
_SLOT = literal_column(f"interval '{SLOT.seconds} seconds'", Interval)
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
    columns: Mapping[str, ColumnElement[Any]]
    """Dimensions and metrics; a dimension that is not there is null, a metric is zero."""
    counted: ColumnElement[bool]

    def dimensions(self) -> list[ColumnElement[Any]]:
        """All dimensions, whether the source knows them or not."""
        return [self.columns.get(name, cast(null(), type_)).label(name) for name, type_ in DIMENSIONS.items()]

    def metrics(self) -> list[ColumnElement[Any]]:
        """All metrics."""
        return [cast(self.columns.get(name, number_literal(0)), BigInteger).label(name) for name in Metric]


def _slot_of(at: ColumnElement[datetime]) -> ColumnElement[datetime]:
    return func.date_bin(_SLOT, at, _ORIGIN, type_=_INSTANT)


_PURCHASE = ledger_entry.c.type == text_literal(LedgerType.PURCHASE)


def _of(kind: ColumnElement[bool], figure: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((kind, figure), else_=number_literal(0))


_ENTRY_METRICS: dict[str, ColumnElement[Any]] = {
    Metric.FIRST_PURCHASES: _of(ledger_entry.c.first, number_literal(1)),
    Metric.PURCHASES: _of(_PURCHASE, number_literal(1)),
    Metric.CREDITS: _of(_PURCHASE, ledger_entry.c.credits),
    Metric.AMOUNT: _of(_PURCHASE, ledger_entry.c.amount),
    Metric.REFUNDS: _of(~_PURCHASE, number_literal(1)),
    Metric.REFUNDED_AMOUNT: _of(~_PURCHASE, -ledger_entry.c.amount),
    Metric.INCOME: ledger_entry.c.income,
}


def _event(table: FromClause, metrics: Mapping[str, ColumnElement[Any]]) -> Source:
    """Counted events one by one, with the sub ids of members who are neither erased nor about to be (R50)."""
    known = and_(member.c.number == table.c.member, ~member.c.erased)
    subs = {sub.value: member.c[sub] for sub in SUB_GROUPS}
    stored = {name: table.c[name] for name in DIMENSIONS if name in table.c}
    return Source(
        rows=table.outerjoin(member, known),
        webmaster=table.c.webmaster,
        at=table.c.at,
        slot=_slot_of(table.c.at),
        columns={**stored, **subs, **metrics},
        counted=table.c.counted,
    )


COUNTERS = Source(
    rows=statistic,
    webmaster=statistic.c.webmaster,
    at=statistic.c.slot,
    slot=statistic.c.slot,
    columns={name: statistic.c[name] for name in (*DIMENSIONS, *Metric) if name in statistic.c},
    counted=true(),
)
TRAFFIC = Source(
    rows=traffic.join(campaign, campaign.c.number == traffic.c.campaign),
    webmaster=campaign.c.partner,
    at=traffic.c.slot,
    slot=traffic.c.slot,
    columns={name: traffic.c[name] for name in ("campaign", Metric.CLICKS, Metric.UNIQUE_CLICKS)},
    counted=true(),
)
EVENTS = (_event(registration, {Metric.REGISTRATIONS: number_literal(1)}), _event(ledger_entry, _ENTRY_METRICS))

WEBMASTER = (
    select(partner.c.number).where(partner.c.id == bindparam("webmaster", type_=Text)).scalar_subquery().label(None)
)
_STRETCH = (
    func.unnest(
        bindparam("starts", type_=ARRAY(_INSTANT)),
        bindparam("ends", type_=ARRAY(_INSTANT)),
        bindparam("offsets", type_=ARRAY(Integer)),
    )
    .table_valued(column("starts_at", _INSTANT), column("ends_at", _INSTANT), column("utc_offset", Integer))
    .render_derived("stretch")
)


def seconds(number: ColumnElement[int]) -> ColumnElement[Any]:
    """So many seconds."""
    return number * _SECOND


def local_facts(source: Source) -> Select[Any]:
    """The facts of one webmaster in a range of local time, as `local` and `utc_offset` tell it.

    Parameters: `webmaster`, an id; `starts`, `ends` and `offsets` (in seconds), the stretches of local time; `since`
    and `until`, which hold all of them.
    """
    local = cast(func.timezone(text_literal("UTC"), source.slot), DateTime) + seconds(_STRETCH.c.utc_offset)
    here = and_(source.slot >= _STRETCH.c.starts_at, source.slot < _STRETCH.c.ends_at)
    return (
        select(local.label("local"), _STRETCH.c.utc_offset, *source.dimensions(), *source.metrics())
        .select_from(source.rows.join(_STRETCH, here))
        .where(
            source.webmaster == WEBMASTER,
            source.at >= bindparam("since", type_=_INSTANT),
            source.at < bindparam("until", type_=_INSTANT),
            source.counted,
        )
    )
