"""The statement over statistics, one for each shape of question."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Text,
    any_,
    bindparam,
    cast,
    exists,
    false,
    func,
    null,
    select,
    true,
    union_all,
)

from partners.answering import PLACE, Found
from partners.money import smallest_amount
from partners.postgres.literals import number_literal, text_literal
from partners.standing import CALLER_NUMBER
from partners.statistics.facts import COUNTERS, TRAFFIC, Source, events
from partners.statistics.local import PERIODS, in_range, periods, told
from partners.statistics.ordering import after, ordered
from partners.statistics.questions import by_sub
from partners.statistics.shapes import CURRENCY, HOUR, RANK, UTC_OFFSET, StatisticsShape, parameter_of
from partners.tables.partner import campaign
from partners.vocabulary import MONEY_METRICS, SUB_GROUPS, Metric, StatisticsFilter

TOTALS_PLACE = 0
_TEXTS = ("site", "country", "device_type", *SUB_GROUPS)
_CAMPAIGN, _UNIT = "campaign", "unit"
_code, _chosen = campaign.alias("code"), campaign.alias("chosen")


def found(shape: StatisticsShape) -> Found:
    """What a question of this shape finds for the caller: totals, whose place is zero, and a page of rows from one on.

    Parameters: those of `partners.statistics.local`, `rows` (how many), a list for each filter, and of a page that
    goes on `after_0` and so on: what the last row was ordered by, as texts.
    """
    added = _added_up(shape).cte("added_up")
    order = tuple(ordered(added, shape))
    page = (
        select(cast(func.row_number().over(order_by=order), Integer).label(PLACE), *_told(added, shape))
        .where(after(added, shape) if shape.continued else true())
        .order_by(*order)
        .limit(bindparam("rows", type_=BigInteger))
        .subquery("page")
    )
    return Found(union_all(_totals(added, shape), select(page)).subquery("found"), exists(select(added.c[CURRENCY])))


def _added_up(shape: StatisticsShape) -> Select[Any]:
    """The rows of the answer."""
    counted = events(tells_devices=shape.tells_devices) if by_sub(shape.groups) else (COUNTERS,)
    sources = (TRAFFIC, *counted)
    facts = union_all(*(_facts(source, shape) for source in sources)).subquery("facts")
    keys = [facts.c[name] for name in (*shape.key_names(), CURRENCY)]
    sums = (func.coalesce(func.sum(facts.c[metric]), number_literal(0)) for metric in Metric)
    figures = (cast(figure, BigInteger).label(metric) for metric, figure in zip(Metric, sums, strict=True))
    return _named(select(*keys, *figures).group_by(*keys).subquery("sums"), shape)


def _facts(source: Source, shape: StatisticsShape) -> Select[Any]:
    """What counts of a source, by keys that cost little: campaigns by number, for one."""
    known: dict[str, ColumnElement[Any]] = periods(source, shape.stretches) | {
        _CAMPAIGN: source.dimension(_CAMPAIGN),
        # Text is compared byte by byte, whatever the database's own collation is: cursors rely on it.
        **{name: source.dimension(name).collate("C") for name in (*_TEXTS, CURRENCY)},
    }
    names = (*shape.key_names(), CURRENCY)
    keys = (known[name].label(name) for name in names)
    figures = (source.metrics.get(metric, cast(null(), Integer)).label(metric) for metric in Metric)
    facts = (
        select(*keys, *figures)
        .select_from(source.rows)
        .where(
            source.webmaster == CALLER_NUMBER,
            source.counted,
            in_range(source, shape.stretches),
            *(_passes(source, name, excludes=excludes) for name, excludes in shape.filters),
        )
    )
    return _first_by_itself(facts.subquery("clicks"), names) if source is TRAFFIC else facts


def _first_by_itself(facts: FromClause, names: Iterable[str]) -> Select[Any]:
    """Clicks know so little that a few sums of two figures stand for all of them beside what is added up by more."""
    keys = [facts.c[name] for name in names]
    figures = (
        (func.sum(facts.c[metric]) if metric in TRAFFIC.metrics else cast(null(), Integer)).label(metric)
        for metric in Metric
    )
    return select(*keys, *figures).group_by(*keys)


def _named(sums: FromClause, shape: StatisticsShape) -> Select[Any]:
    """The sums under the names and dates that they are told by; each is told by one of its own."""
    values: dict[str, ColumnElement[Any]] = {each.name: each for each in sums.c}
    values |= {name: told(name, sums) for name in PERIODS if name in values}
    rows = sums
    if _CAMPAIGN in values:
        rows = sums.outerjoin(_code, _code.c.number == values[_CAMPAIGN])
        values[_CAMPAIGN] = _code.c.code.collate("C")
    unit = values[_UNIT] = smallest_amount(values[CURRENCY])
    if shape.by_metric is not None:
        figure = values[shape.by_metric]
        values[RANK] = figure * unit if shape.by_metric in MONEY_METRICS else figure
    return select(*(value.label(name) for name, value in values.items())).select_from(rows)


def _passes(source: Source, name: StatisticsFilter, *, excludes: bool) -> ColumnElement[bool]:
    """A filter drops what is null, an exclusion keeps it (contract §3)."""
    wanted = bindparam(parameter_of(name), type_=ARRAY(Text))
    if name is StatisticsFilter.CAMPAIGN:
        codes = select(_chosen.c.number).where(_chosen.c.partner == CALLER_NUMBER, _chosen.c.code == any_(wanted))
        chosen = source.dimension(name) == any_(func.array(codes.scalar_subquery(), type_=ARRAY(BigInteger)))
    else:
        chosen = source.dimension(name) == any_(wanted)
    known = func.coalesce(chosen, false())
    return ~known if excludes else known


def _told(added: CTE, shape: StatisticsShape) -> list[Any]:
    """The columns of `StatisticsShape.columns`, keys as texts and money as it is written."""
    names = (*shape.key_names(), CURRENCY)
    told: dict[str, ColumnElement[Any]] = {name: cast(added.c[name], Text) for name in names}
    if HOUR in told:
        told[HOUR] = told[HOUR].concat(text_literal(" ")).concat(told[UTC_OFFSET])
    told |= {metric.value: _figure(added.c[metric], metric, added.c[_UNIT]) for metric in Metric}
    if RANK in added.c:
        told[RANK] = cast(added.c[RANK], Text)
    return [told[name].label(name) for name in shape.columns()]


def _figure(figure: ColumnElement[Any], metric: Metric, unit: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(figure * unit, Text) if metric in MONEY_METRICS else figure


def _totals(added: CTE, shape: StatisticsShape) -> Select[Any]:
    """The rows added up by currency: over the whole result, whatever page of it is asked for."""
    figures: dict[str, ColumnElement[Any]] = {
        metric.value: _figure(cast(func.sum(added.c[metric]), BigInteger), metric, added.c[_UNIT]) for metric in Metric
    }
    told = figures | {CURRENCY: cast(added.c[CURRENCY], Text)}
    columns = (told.get(name, cast(null(), Text)).label(name) for name in shape.columns())
    return select(number_literal(TOTALS_PLACE).label(PLACE), *columns).group_by(added.c[CURRENCY], added.c[_UNIT])
