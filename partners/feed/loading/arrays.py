"""Arrays as parameters: of ids to look up, and of pairs."""

from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, LargeBinary, Text, any_, bindparam, func
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine

IDS = bindparam("ids", type_=ARRAY(Text))
NUMBERS = bindparam("numbers", type_=ARRAY(BigInteger))
DIGESTS = bindparam("digests", type_=ARRAY(LargeBinary))


def among(column: ColumnElement[Any], values: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a column's value is one of an array's."""
    return column == any_(values)


def pairs_of(**arrays: TypeEngine[Any]) -> TableValuedAlias:
    """Arrays side by side as rows; the names are those of the parameters and of the columns."""
    parameters = (bindparam(name, type_=ARRAY(type_)) for name, type_ in arrays.items())
    return func.unnest(*parameters).table_valued(*arrays).render_derived("pairs")
