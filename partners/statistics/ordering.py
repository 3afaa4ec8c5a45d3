"""The order of rows, and what comes after a position in it."""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, FromClause, Text, and_, bindparam, cast, or_

from partners.statistics.shapes import StatisticsShape


def ordered(rows: FromClause, shape: StatisticsShape) -> Iterator[ColumnElement[object]]:
    """The order of a shape, null last in either direction."""
    for name, descending in shape.order().items():
        yield (rows.c[name].desc() if descending else rows.c[name].asc()).nulls_last()


def after(rows: FromClause, shape: StatisticsShape) -> ColumnElement[bool]:
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
