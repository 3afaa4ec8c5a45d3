"""Counting again: from the stored events, which keep whether they counted and the dimensions known then (R10)."""

from typing import Any

from sqlalchemy import BigInteger, Connection, Select, Table, cast, delete, func, insert, select, text, union_all

from partners.postgres.literals import number_literal, text_literal
from partners.statistics.facts import DIMENSIONS, Source, events
from partners.tables.activity import ledger_entry
from partners.tables.statistics import KEY, statement_total, statistic
from partners.vocabulary import LedgerType, Metric

_METRICS = [metric for metric in Metric if metric in statistic.c]


def recount(connection: Connection) -> None:
    """Put in the place of all counters what the stored events add up to; in the caller's transaction.

    Batches of the feed wait until it ends, or are waited for: nothing is missed or counted twice. What the ledger no
    longer holds (R38) is gone from the counters afterwards.
    """
    connection.execute(text(f"LOCK TABLE {statistic.name}, {statement_total.name} IN EXCLUSIVE MODE"))
    _replace(connection, statistic, _COUNTED)
    _replace(connection, statement_total, _BOOKED)


def _replace(connection: Connection, table: Table, rows: Select[Any]) -> None:
    connection.execute(delete(table))
    connection.execute(insert(table).from_select([each.name for each in rows.selected_columns], rows))


def _events_of(source: Source) -> Select[Any]:
    keys = (source.dimension(name).label(name) for name in KEY if name in DIMENSIONS)
    metrics = (source.metrics.get(metric, number_literal(0)).label(metric) for metric in _METRICS)
    return (
        select(source.webmaster, source.slot.label("slot"), *keys, *metrics)
        .select_from(source.rows)
        .where(source.counted, source.webmaster.is_not(None))
    )


def _counted() -> Select[Any]:
    counted = union_all(*(_events_of(source) for source in events(tells_devices=False))).subquery("counted")
    keys = [counted.c[name] for name in KEY]
    totals = (cast(func.sum(counted.c[name]), statistic.c[name].type).label(name) for name in _METRICS)
    return select(*keys, *totals).group_by(*keys)


def _booked() -> Select[Any]:
    entry = ledger_entry.c
    purchase = entry.type == text_literal(LedgerType.PURCHASE)
    keys = (entry.webmaster, entry.booked_month.label("month"), entry.currency)
    earned, back = (
        cast(func.coalesce(func.sum(entry.income).filter(kind), number_literal(0)), BigInteger)
        for kind in (purchase, ~purchase)
    )
    return (
        select(*keys, earned.label("earned"), back.label("reversed"))
        .where(entry.webmaster.is_not(None), entry.income != number_literal(0))
        .group_by(*(entry.webmaster, entry.booked_month, entry.currency))
    )


_COUNTED = _counted()
_BOOKED = _booked()
