"""Fixed values that stand in a statement itself, instead of being one more parameter of every execution."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Text, literal_column, type_coerce


def text_literal(value: str) -> ColumnElement[str]:
    """A text of ours; anything that would need escaping is refused."""
    if "'" in value or "\\" in value:
        raise ValueError("a fixed text of a statement needs no escaping")
    return literal_column(f"'{value}'", Text)


def number_literal(value: int) -> ColumnElement[int]:
    """An integer; PostgreSQL takes the smallest type that holds it."""
    return literal_column(str(value), BigInteger)


def texts_literal(values: Iterable[str]) -> ColumnElement[Any]:
    """An array of texts, in order."""
    listed = ", ".join(str(text_literal(value)) for value in sorted(values))
    return type_coerce(literal_column(f"ARRAY[{listed}]"), ARRAY(Text))
