"""The statements over statistics, one for each shape of question."""

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    FromClause,
    Select,
    Subquery,
    Text,
    any_,
    bindparam,
    case,
    cast,
    false,
    func,
    null,
    select,
    true,
    tuple_,
    union_all,
)

from partners.literals import number_literal, text_literal
from partners.statistics.facts import COUNTERS, EVENTS, TRAFFIC, local_facts, seconds
from partners.statistics.ordering import after, ordered, rank
from partners.statistics.questions import by_sub
from partners.statistics.shapes import CURRENCY, IS_TOTAL, RANK, Shape, parameter_of
from partners.tables.partner import campaign
from partners.vocabulary import MONEY_METRICS, SUB_GROUPS, Metric, StatisticsFilter

_COUNTS = [metric for metric in Metric if metric not in {Metric.CREDITS, *MONEY_METRICS}]


@lru_cache(maxsize=256)
def statement(shape: Shape) -> Select[Any]:
    """The statement of a shape: totals first (`is_total` is 1), then a page of rows in order.

    Parameters: those of `local_facts`, `rows` (how many), a list for each filter, and of a page that goes on `after_0`
    and so on: what the last row was ordered by, as texts.
    """
    grouped = _grouped(shape, _keyed(shape)).cte("grouped")
    page = (
        select(grouped)
        .where(grouped.c[IS_TOTAL] == number_literal(0), after(grouped, shape) if shape.continued else true())
        .order_by(*ordered(grouped, shape))
        .limit(bindparam("rows", type_=BigInteger))
    )
    totals = select(grouped).where(grouped.c[IS_TOTAL] == number_literal(1))
    answer = union_all(totals, select(page.subquery("page"))).subquery("answer")
    return select(answer).order_by(answer.c[IS_TOTAL].desc(), *ordered(answer, shape))


def _keyed(shape: Shape) -> Subquery:
    """The facts that pass the filters, with the keys they are grouped by."""
    sources = (TRAFFIC, *EVENTS) if by_sub(shape.groups) else (TRAFFIC, COUNTERS)
    facts = union_all(*(local_facts(source) for source in sources)).subquery("facts")
    # Text is compared byte by byte, whatever the database's own collation is: cursors rely on it.
    dimensions = {name: facts.c[name].collate("C") for name in ("site", "country", "device_type", *SUB_GROUPS)}
    values = _times(facts) | dimensions | {"campaign": campaign.c.code.collate("C")}
    currency = facts.c.currency.collate("C")
    filtered = (
        _passes({**values, CURRENCY: currency}[name], name, excludes=excludes) for name, excludes in shape.filters
    )
    return (
        select(
            *(values[key].label(key) for key in shape.key_names()),
            currency.label(CURRENCY),
            *(facts.c[m] for m in Metric),
        )
        .select_from(facts.outerjoin(campaign, campaign.c.number == facts.c.campaign))
        .where(true(), *filtered)
        .subquery("keyed")
    )


def _times(facts: FromClause) -> dict[str, ColumnElement[Any]]:
    local = facts.c.local
    week, month = (func.date_trunc(text_literal(unit), local) for unit in ("week", "month"))
    return {
        # In UTC, so that it is in order: local hours repeat.
        "hour": func.date_trunc(text_literal("hour"), local, type_=DateTime) - seconds(facts.c.utc_offset),
        "utc_offset": facts.c.utc_offset,
        "day": cast(local, Date),
        "week": cast(week, Date),
        "month": cast(month, Date),
    }


def _passes(value: ColumnElement[Any], name: StatisticsFilter, *, excludes: bool) -> ColumnElement[bool]:
    """A filter drops what is null, an exclusion keeps it (contract §3)."""
    chosen = func.coalesce(value == any_(bindparam(parameter_of(name), type_=ARRAY(Text))), false())
    return ~chosen if excludes else chosen


def _grouped(shape: Shape, keyed: Subquery) -> Select[Any]:
    """Rows and totals at once; rows without any count are left out."""
    keys = [keyed.c[name] for name in shape.key_names()]
    currency = keyed.c[CURRENCY]
    figures = {metric: _figure(keyed, metric) for metric in Metric}
    columns = [func.grouping(keys[0]).label(IS_TOTAL), *keys, currency]
    columns += [value.label(metric) for metric, value in figures.items()]
    if shape.by_metric is not None:
        columns.append(rank(shape.by_metric, figures[shape.by_metric], currency).label(RANK))
    return (
        select(*columns)
        .group_by(func.grouping_sets(tuple_(*keys, currency), tuple_(currency)))
        .having(sum((func.sum(keyed.c[metric]) for metric in _COUNTS), number_literal(0)) > number_literal(0))
    )


def _figure(keyed: Subquery, metric: Metric) -> ColumnElement[Any]:
    total = cast(func.sum(keyed.c[metric]), BigInteger)
    return case((keyed.c[CURRENCY].is_not(None), total), else_=null()) if metric in MONEY_METRICS else total
