"""Money in SQL: from minor units to the amount as it is written."""

from typing import Any

from sqlalchemy import ColumnElement, Numeric, any_, case, literal_column

from partners.currencies import DECIMALS
from partners.postgres.literals import texts_literal

_USUAL_DECIMALS = 2


def smallest_amount(currency: ColumnElement[Any]) -> ColumnElement[Any]:
    """What one minor unit is worth: a product with it has the decimals of the currency, no more and no fewer."""
    unusual = {decimals: [code for code in DECIMALS if DECIMALS[code] == decimals] for decimals in DECIMALS.values()}
    del unusual[_USUAL_DECIMALS]
    return case(
        (currency.is_(None), literal_column("NULL", Numeric)),
        *((currency == any_(texts_literal(codes)), _unit(decimals)) for decimals, codes in unusual.items()),
        else_=_unit(_USUAL_DECIMALS),
    )


def _unit(decimals: int) -> ColumnElement[Any]:
    return literal_column(f"{10**-decimals:.{decimals}f}", Numeric)
