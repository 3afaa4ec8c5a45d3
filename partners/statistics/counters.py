"""Adding to the counters: what a batch of the feed brought, added up in memory and written in one statement each."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from operator import attrgetter

from sqlalchemy import Connection, Insert, Table, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from partners.instants import start_of_quarter_hour
from partners.statistics.counted import Entered, Registered
from partners.tables.statistics import feed_progress, statement_total, statistic
from partners.vocabulary import LedgerType


@dataclass(frozen=True)
class Key:
    """What a counter is counted by."""

    webmaster: int
    slot: datetime
    campaign: int | None
    site: str
    country: str
    device_type: str | None
    currency: str | None


@dataclass
class Counts:
    """What is added to one counter; money in minor units."""

    registrations: int = 0
    first_purchases: int = 0
    purchases: int = 0
    credits: int = 0
    amount: int = 0
    refunds: int = 0
    refunded_amount: int = 0
    income: int = 0


@dataclass(frozen=True)
class Account:
    """What income is booked under."""

    webmaster: int
    month: date
    currency: str


@dataclass
class Booked:
    """What is added to one account, in minor units; `reversed` is never above zero."""

    earned: int = 0
    reversed: int = 0


class Counters:
    """Counters and accounts as far as one batch adds to them."""

    def __init__(self) -> None:
        """Start from nothing."""
        self._counts: defaultdict[Key, Counts] = defaultdict(Counts)
        self._booked: defaultdict[Account, Booked] = defaultdict(Booked)

    def registration(self, event: Registered) -> None:
        """Count a registration, if it counts."""
        counts = self._counts_of(event, None)
        if counts is not None:
            counts.registrations += 1

    def purchase(self, entry: Entered) -> None:
        """Count a purchase, if it counts; book its income in any case, as statements are of all members."""
        if account := _account_of(entry):
            self._booked[account].earned += entry.income
        counts = self._counts_of(entry, entry.currency)
        if counts is not None:
            counts.purchases += 1
            counts.first_purchases += entry.first
            counts.credits += entry.credits
            counts.amount += entry.amount
            counts.income += entry.income

    def reversal(self, entry: Entered) -> None:
        """Count a reversal on the day it happened, if it counts; book it in any case."""
        if account := _account_of(entry):
            self._booked[account].reversed += entry.income
        counts = self._counts_of(entry, entry.currency)
        if counts is not None:
            counts.refunds += 1
            counts.refunded_amount -= entry.amount
            counts.income += entry.income

    def write(self, connection: Connection) -> None:
        """Add everything to what is stored, in the transaction that stores the events themselves."""
        if self._counts:
            connection.execute(_ADD_COUNTS, _columns(_COUNTER, self._counts.items()))
        if self._booked:
            connection.execute(_ADD_BOOKED, _columns(_BOOKING, self._booked.items()))

    def _counts_of(self, event: Registered, currency: str | None) -> Counts | None:
        if not event.counted or event.webmaster is None:
            return None
        slot = start_of_quarter_hour(event.at)
        key = Key(event.webmaster, slot, event.campaign, event.site, event.country, event.device_type, currency)
        return self._counts[key]


def count(
    connection: Connection,
    *,
    registrations: Iterable[Registered],
    ledger: Iterable[Entered],
    through: datetime | None,
) -> None:
    """Add a batch to the counters, in the transaction that writes it; `through` is the newest time of its events.

    Every ledger entry belongs here, counted or not: statements are of all members (R10).
    """
    counters = Counters()
    for event in registrations:
        counters.registration(event)
    for entry in ledger:
        if entry.type == LedgerType.PURCHASE:
            counters.purchase(entry)
        else:
            counters.reversal(entry)
    counters.write(connection)
    if through is not None:
        connection.execute(_MOVE_ON, {"through": through})


def _account_of(entry: Entered) -> Account | None:
    """Where an entry is booked; what earns nobody anything leaves no trace in a statement."""
    if entry.webmaster is None or not entry.income:
        return None
    return Account(entry.webmaster, entry.booked_month, entry.currency)


@dataclass(frozen=True)
class _Kind:
    """The columns of a table that is only added to: those that a row is found by, and those that are totals."""

    keys: tuple[str, ...]
    totals: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return self.keys + self.totals

    def adding_to(self, table: Table) -> Insert:
        """Insert rows, or add their totals to those with the same keys; they come as one array a column."""
        arrays = (bindparam(name, type_=ARRAY(table.c[name].type)) for name in self.names)
        rows = func.unnest(*arrays).table_valued(*(column(name, table.c[name].type) for name in self.names))
        statement = insert(table).from_select(list(self.names), select(rows.render_derived("added")))
        added = {name: table.c[name] + statement.excluded[name] for name in self.totals}
        return statement.on_conflict_do_update(index_elements=list(self.keys), set_=added)


def _columns(kind: _Kind, rows: Iterable[tuple[object, object]]) -> dict[str, Sequence[object]]:
    keys, totals = attrgetter(*kind.keys), attrgetter(*kind.totals)
    columns = zip(*(keys(key) + totals(total) for key, total in rows), strict=True)
    return {name: list(values) for name, values in zip(kind.names, columns, strict=True)}


def _names(of: type[Key | Counts | Account | Booked]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(of))


_COUNTER = _Kind(_names(Key), _names(Counts))
_BOOKING = _Kind(_names(Account), _names(Booked))
_ADD_COUNTS = _COUNTER.adding_to(statistic)
_ADD_BOOKED = _BOOKING.adding_to(statement_total)
_MOVING = insert(feed_progress).values(through=bindparam("through"))
_MOVE_ON = _MOVING.on_conflict_do_update(
    index_elements=["singleton"], set_={"through": func.greatest(feed_progress.c.through, _MOVING.excluded.through)}
)
