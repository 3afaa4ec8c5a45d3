"""The order of rows, and what comes after a position in it."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Numeric, Text, and_, any_, bindparam, case, cast, or_

from partners.currencies import DECIMALS
from partners.literals import number_literal, texts_literal
from partners.statistics.shapes import Shape
from partners.vocabulary import MONEY_METRICS, Metric

_USUAL_DECIMALS = 2


def rank(metric: Metric, figure: ColumnElement[Any], currency: ColumnElement[Any]) -> ColumnElement[Any]:
    """A figure as rows are ordered by it: money by its face value, and minor units differ from currency to currency."""
    if metric not in MONEY_METRICS:
        return figure
    least = max(DECIMALS.values())
    apart = {code: 10 ** (least - decimals) for code, decimals in DECIMALS.items() if decimals != _USUAL_DECIMALS}
    factors = {factor: [code for code in apart if apart[code] == factor] for factor in apart.values()}
    return cast(figure, Numeric) * case(
        *((currency == any_(texts_literal(codes)), number_literal(factor)) for factor, codes in factors.items()),
        else_=number_literal(10 ** (least - _USUAL_DECIMALS)),
    )


def ordered(rows: FromClause, shape: Shape) -> Iterator[ColumnElement[Any]]:
    """The order of a shape, null last in either direction."""
    for name, descending in shape.order().items():
        yield (rows.c[name].desc() if descending else rows.c[name].asc()).nulls_last()


def after(rows: FromClause, shape: Shape) -> ColumnElement[bool]:
    """What comes after a position, null last in either direction."""
    alternatives: list[ColumnElement[bool]] = []
    before: list[ColumnElement[bool]] = []
    for place, (name, descending) in enumerate(shape.order().items()):
        value = rows.c[name]
        position = cast(bindparam(f"after_{place}", type_=Text), value.type)
        further = value < position if descending else value > position
        alternatives.append(and_(*before, position.is_not(None), or_(further, value.is_(None))))
        before.append(value.is_not_distinct_from(position))
    return or_(*alternatives)
