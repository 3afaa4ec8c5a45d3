"""Monthly statements: what is owed to a webmaster, withheld members included, by currency and nothing finer (R10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, bindparam, cast, exists, func, select

from partners.access_log.recording import Recording
from partners.answering import PLACE, Found, answer_statement
from partners.months import first_open_month
from partners.postgres.prepared import Row
from partners.standing import CALLER_NUMBER
from partners.tables.statistics import statement_total


@dataclass(frozen=True)
class Statement:
    """A final month's income in one currency, in minor units."""

    month: date
    """The first day of the UTC month."""
    currency: str
    earned: int
    reversed: int
    """Never above zero."""

    @property
    def payable(self) -> int:
        """`earned` plus `reversed`."""
        return self.earned + self.reversed


def asking(*, now: datetime, month: date | None = None) -> tuple[Recording, dict[str, Any]]:
    """The statement that lists the caller's months, and its values: all final ones, or one if it is final."""
    first_open = {"first_open": first_open_month(now)}
    return (_ALL, first_open) if month is None else (_ONE, first_open | {"month": month})


def listed(rows: Sequence[Row]) -> list[Statement]:
    """Read the rows of the statement: newest first."""
    return [Statement(*figures) for _outcome, _reason, place, *figures in rows if place is not None]


def _final(*chosen: ColumnElement[bool]) -> Found:
    total = statement_total.c
    order = (total.month.desc(), total.currency.collate("C"))
    place = cast(func.row_number().over(order_by=order), Integer).label(PLACE)
    asked = (total.webmaster == CALLER_NUMBER, total.month < bindparam("first_open", type_=Date), *chosen)
    rows = select(place, total.month, total.currency, total.earned, total.reversed).where(*asked).cte("found")
    return Found(rows, exists(select(rows.c[PLACE])))


_OF_MONTH = statement_total.c.month == bindparam("month", type_=Date)
_ALL = answer_statement(_final(), member_rows=False)
_ONE = answer_statement(_final(_OF_MONTH), member_rows=False)
BOTH = (_ALL, _ONE)
EVERY_STATEMENT = tuple(each.statement for each in BOTH)
"""For the rights they need."""
