"""Monthly statements: what is owed to a webmaster, withheld members included, by currency and nothing finer (R10)."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Date, Select, Text, bindparam, select

from partners.months import FINAL_AFTER, month_of
from partners.tables.partner import partner
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
        """Earned less reversed."""
        return self.earned + self.reversed


def first_open_month(now: datetime) -> date:
    """The first month that is not final: all before it are, and change no more (contract §3)."""
    return month_of(now - FINAL_AFTER)


def statements(connection: Connection, webmaster: str, *, now: datetime, month: date | None = None) -> list[Statement]:
    """The statements of a webmaster, named by its id: of all final months, newest first, or of one if it is final."""
    parameters = {"webmaster": webmaster, "first_open": first_open_month(now)}
    if month is None:
        rows = connection.execute(_FINAL, parameters)
    else:
        rows = connection.execute(_OF_MONTH, parameters | {"month": month})
    return [Statement(*row) for row in rows]


def _final() -> Select[date, str, int, int]:
    total = statement_total.c
    return (
        select(total.month, total.currency, total.earned, total.reversed)
        .join(partner, partner.c.number == total.webmaster)
        .where(
            partner.c.id == bindparam("webmaster", type_=Text),
            total.month < bindparam("first_open", type_=Date),
        )
        .order_by(total.month.desc(), total.currency.collate("C"))
    )


_FINAL = _final()
_OF_MONTH = _FINAL.where(statement_total.c.month == bindparam("month", type_=Date))
