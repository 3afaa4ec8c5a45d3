"""Loading purchases by their ids, members' totals, and whole histories where totals cannot be kept without them."""

from collections.abc import Collection

from sqlalchemy import Connection, DateTime, RowMapping, exists, func, literal_column, select

from partners.feed.activity_state import PurchaseState
from partners.feed.events import Refunded
from partners.feed.facts import LedgerEntry
from partners.feed.member_state import MemberState
from partners.feed.parameters import among, as_values
from partners.feed.state import State
from partners.feed.totals import Bought, Sum, Totals
from partners.feed.touched import Touched
from partners.feed.usage_clock import UsageClock
from partners.tables.activity import ledger_entry
from partners.tables.member import member, purchase_total
from partners.vocabulary import LedgerType

_DIMENSIONS = ("webmaster", "campaign", "site", "country", "device_type", "counted", "booked_month", "first")
_FIGURES = ("purchase_id", "at", "credits", "amount", "currency", "income", "owner_digest")
_PURCHASES = (
    select(ledger_entry.c.type, *(ledger_entry.c[name] for name in (*_FIGURES, *_DIMENSIONS)), member.c.id)
    .outerjoin(member, member.c.number == ledger_entry.c.member)
    .where(among(ledger_entry.c.purchase_id))
)
_TOTALS = select(
    purchase_total.c.member,
    purchase_total.c.count,
    purchase_total.c.credits,
    purchase_total.c.first_at,
    purchase_total.c.last_at,
    purchase_total.c.amounts,
    purchase_total.c.usage_clock_at,
    # An instant that Python cannot tell.
    func.nullif(
        purchase_total.c.usage_kept_from, literal_column("'-infinity'::timestamptz", DateTime(timezone=True))
    ).label("kept_from"),
    exists().where(ledger_entry.c.member == purchase_total.c.member).label("any_bought"),
).where(among(purchase_total.c.member))
_HISTORY = select(
    *(ledger_entry.c[name] for name in ("member", "purchase_id", "type", "at", "credits", "amount", "currency"))
).where(among(ledger_entry.c.member))


def load_purchases(connection: Connection, state: State, ids: Collection[str]) -> None:
    """Load purchases, and which of them are reversed."""
    if not ids:
        return
    rows = connection.execute(_PURCHASES, as_values(ids)).mappings().all()
    for row in rows:
        if row["type"] == LedgerType.PURCHASE:
            state.purchases[row["purchase_id"]] = PurchaseState(_entry(row), row["id"], row["owner_digest"])
    for row in rows:
        if row["type"] == LedgerType.REVERSAL:
            state.purchases[row["purchase_id"]].reversed = True


def load_totals(connection: Connection, state: State, touched: Touched) -> None:
    """Load the totals of those who buy or are refunded."""
    by_number = _by_number(state, touched.buyers())
    if not by_number:
        return
    for row in connection.execute(_TOTALS, as_values(by_number)).mappings().all():
        owner = by_number[row["member"]]
        owner.totals = Totals(
            registered_at=owner.row["registered_at"],
            sum=Sum(row["count"], row["credits"], row["first_at"], row["last_at"], row["amounts"]),
            clock=UsageClock(row["usage_clock_at"], row["kept_from"]),
            any_bought=row["any_bought"],
            history=None if row["any_bought"] else {},
        )
    _load_histories(connection, _by_number(state, _needs_history(state, touched)))


def _needs_history(state: State, touched: Touched) -> set[str]:
    """Ids of those with a refund, or with a purchase that is not their newest."""
    needed = {event.subject for event in touched.of(Refunded)}
    newest = {
        id_: max(known.totals.clock.at, known.totals.registered_at)
        for id_, known in state.members.items()
        if known.totals is not None
    }
    for id_, at in touched.purchase_times():
        if at < newest.get(id_, at):
            needed.add(id_)
        newest[id_] = at
    return needed


def _load_histories(connection: Connection, by_number: dict[int, MemberState]) -> None:
    histories = {
        number: owner.totals for number, owner in by_number.items() if owner.totals and owner.totals.any_bought
    }
    if not histories:
        return
    rows = connection.execute(_HISTORY, as_values(histories)).all()
    reversed_ = {row.purchase_id for row in rows if row.type == LedgerType.REVERSAL}
    for totals in histories.values():
        totals.history = {}
    for row in rows:
        if row.type == LedgerType.PURCHASE:
            bought = Bought(row.at, row.credits, row.amount, row.currency, refunded=row.purchase_id in reversed_)
            histories[row.member].remember(row.purchase_id, bought)


def _by_number(state: State, ids: Collection[str]) -> dict[int, MemberState]:
    known = (state.members[id_] for id_ in ids if id_ in state.members)
    return {member_.number: member_ for member_ in known if member_.number is not None}


def _entry(row: RowMapping) -> LedgerEntry:
    figures = {name: row[name] for name in _FIGURES if name != "owner_digest"}
    dimensions = {name: row[name] for name in _DIMENSIONS}
    return LedgerEntry(type=LedgerType.PURCHASE, member=None, owner_digest=None, reason=None, **figures, **dimensions)
