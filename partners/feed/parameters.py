"""Many values as one parameter: JSON text, which is written and read faster than an array of the driver's."""

from collections.abc import Collection, Sequence
from typing import Any

import orjson
from sqlalchemy import JSON, ColumnElement, Text, any_, bindparam, cast, column, func, select
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine

from partners.feed.member_state import MemberState
from partners.feed.model_state import ModelState

_ROWS = cast(bindparam("rows", type_=Text), JSON)
_VALUES = cast(bindparam("values", type_=Text), JSON)


def as_rows(rows: Sequence[object]) -> dict[str, str]:
    """Return the parameter of `rows_of`, from dictionaries or data classes with the columns' names."""
    return {"rows": orjson.dumps(rows, default=_stored).decode()}


def as_values(values: Collection[object]) -> dict[str, str]:
    """Return the parameter of `among`."""
    return {"values": orjson.dumps(list(values), default=_stored).decode()}


def rows_of(**columns: TypeEngine[Any]) -> TableValuedAlias:
    """The rows of the parameter, in order."""
    typed: list[Any] = [column(name, type_) for name, type_ in columns.items()]
    return func.json_to_recordset(_ROWS).table_valued(*typed).render_derived("rows", with_types=True)


def among(stored: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a column's value is one of the parameter's. As an array, and no join: an index will do for sure."""
    value = func.json_array_elements_text(_VALUES).column_valued("value")
    return stored == any_(func.array(select(cast(value, stored.type)).scalar_subquery()))


def _stored(value: object) -> object:
    """What stands in a column: a number for a member or model, bytes as PostgreSQL reads them."""
    if isinstance(value, MemberState | ModelState):
        return value.number
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    raise TypeError
