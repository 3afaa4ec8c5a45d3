"""The statements over statistics, one for each shape of question."""

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
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
    union_all,
)

from partners.literals import number_literal
from partners.statistics.facts import COUNTERS, EVENTS, TRAFFIC, Source
from partners.statistics.local import in_range, periods
from partners.statistics.ordering import after, ordered, rank
from partners.statistics.questions import by_sub
from partners.statistics.shapes import CURRENCY, IS_TOTAL, RANK, Shape, parameter_of
from partners.tables.partner import campaign
from partners.vocabulary import MONEY_METRICS, SUB_GROUPS, Metric, StatisticsFilter

_COUNTS = [metric for metric in Metric if metric not in {Metric.CREDITS, *MONEY_METRICS}]
_TEXTS = ("site", "country", "device_type", *SUB_GROUPS)
_named = campaign.alias("named")


@lru_cache(maxsize=256)
def statement(shape: Shape) -> Select[Any]:
    """The statement of a shape: totals first (`is_total` holds), then a page of rows in order.

    Parameters: those of `partners.statistics.local`, `rows` (how many), a list for each filter, and of a page that
    goes on `after_0` and so on: what the last row was ordered by, as texts.
    """
    added = _added_up(shape).cte("added_up")
    rows = select(false().label(IS_TOTAL), *_columns(added, shape)).where(
        after(added, shape) if shape.continued else true()
    )
    page = rows.order_by(*ordered(added, shape)).limit(bindparam("rows", type_=BigInteger)).subquery("page")
    answer = union_all(_totals(added, shape), select(page)).subquery("answer")
    return select(answer).order_by(answer.c[IS_TOTAL].desc(), *ordered(answer, shape))


def _added_up(shape: Shape) -> Select[Any]:
    """The rows of the answer; those without any count are left out."""
    sources = (TRAFFIC, *EVENTS) if by_sub(shape.groups) else (TRAFFIC, COUNTERS)
    parts = union_all(*(_part(source, shape) for source in sources)).subquery("parts")
    keys = [parts.c[name] for name in (*shape.key_names(), CURRENCY)]
    figures = {metric: _figure(parts, metric) for metric in Metric}
    columns = [*keys, *(figure.label(metric) for metric, figure in figures.items())]
    if shape.by_metric is not None:
        columns.append(rank(shape.by_metric, figures[shape.by_metric], parts.c[CURRENCY]).label(RANK))
    any_count = sum((func.sum(parts.c[metric]) for metric in _COUNTS), number_literal(0)) > number_literal(0)
    return select(*columns).group_by(*keys).having(any_count)


def _part(source: Source, shape: Shape) -> Select[Any]:
    """What a source contributes, already added up: far fewer rows than it has."""
    # Text is compared byte by byte, whatever the database's own collation is: cursors rely on it.
    values = periods(source) | {name: source.dimension(name).collate("C") for name in (*_TEXTS, CURRENCY)}
    values["campaign"] = _named.c.code.collate("C")
    keys = [values[name].label(name) for name in (*shape.key_names(), CURRENCY)]
    facts = (
        select(*keys, *(value.label(metric) for metric, value in source.metrics.items()))
        .select_from(source.rows.outerjoin(_named, _named.c.number == source.dimension("campaign")))
        .where(
            in_range(source),
            *(_passes(values[name], name, excludes=excludes) for name, excludes in shape.filters),
        )
        .subquery("facts")
    )
    named_keys = [facts.c[key.name] for key in keys]
    figures = ((func.sum(facts.c[metric]) if metric in facts.c else number_literal(0)) for metric in Metric)
    totals = (cast(figure, BigInteger).label(metric) for metric, figure in zip(Metric, figures, strict=True))
    return select(*named_keys, *totals).group_by(*named_keys)


def _passes(value: ColumnElement[Any], name: StatisticsFilter, *, excludes: bool) -> ColumnElement[bool]:
    """A filter drops what is null, an exclusion keeps it (contract §3)."""
    chosen = func.coalesce(value == any_(bindparam(parameter_of(name), type_=ARRAY(Text))), false())
    return ~chosen if excludes else chosen


def _figure(rows: FromClause, metric: Metric) -> ColumnElement[Any]:
    total = cast(func.sum(rows.c[metric]), BigInteger)
    return case((rows.c[CURRENCY].is_not(None), total), else_=null()) if metric in MONEY_METRICS else total


def _columns(added: CTE, shape: Shape) -> list[ColumnElement[Any]]:
    return [added.c[name] for name in shape.columns() if name != IS_TOTAL]


def _totals(added: CTE, shape: Shape) -> Select[Any]:
    """The rows added up by currency: over the whole result, whatever page of it is asked for."""
    figures = {metric.value: _figure(added, metric) for metric in Metric}
    told = figures | {CURRENCY: added.c[CURRENCY]}
    columns = (told.get(column.name, cast(null(), column.type)).label(column.name) for column in _columns(added, shape))
    return select(true().label(IS_TOTAL), *columns).group_by(added.c[CURRENCY])
