"""What a member's purchases add up to, kept current as events are applied."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from partners.feed.usage_clock import UsageClock, advanced, clock_over


@dataclass(frozen=True)
class Bought:
    """What one purchase adds to the totals; `amount` in minor units."""

    at: datetime
    credits: int
    amount: int
    currency: str
    refunded: bool = False


@dataclass
class Sum:
    """Purchases that were not refunded, added up (contract §3)."""

    count: int = 0
    credits: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    amounts: dict[str, int] = field(default_factory=dict)

    def add(self, bought: Bought) -> None:
        """Count one more."""
        self.count += 1
        self.credits += bought.credits
        self.first_at = min(self.first_at or bought.at, bought.at)
        self.last_at = max(self.last_at or bought.at, bought.at)
        self.amounts[bought.currency] = self.amounts.get(bought.currency, 0) + bought.amount


@dataclass
class Totals:
    """One member's sum and usage clock.

    `history` are all their purchases by id, or nothing where it was not loaded: it is needed for what arrives out of
    order and for refunds, and `loading` sees to it.
    """

    registered_at: datetime
    sum: Sum
    clock: UsageClock
    any_bought: bool
    history: dict[str, Bought] | None
    changed: bool = False

    def add(self, purchase_id: str, bought: Bought) -> None:
        """Add a purchase."""
        self.remember(purchase_id, bought)
        self.sum.add(bought)
        self.clock = self._clock_after(bought.at)
        self.any_bought = self.changed = True

    def remember(self, purchase_id: str, bought: Bought) -> None:
        """Put a purchase into the history, where there is one."""
        if self.history is not None:
            self.history[purchase_id] = bought

    def take_back(self, purchase_id: str) -> None:
        """Leave a refunded purchase out of the sum; the clock stays as it is (R36)."""
        history = self._known_history()
        history[purchase_id] = replace(history[purchase_id], refunded=True)
        self.sum = Sum()
        for bought in history.values():
            if not bought.refunded:
                self.sum.add(bought)
        self.changed = True

    def is_next(self, at: datetime) -> bool:
        """Whether a purchase at this instant would be the newest of all that is known."""
        return at >= max(self.clock.at, self.registered_at)

    def _clock_after(self, at: datetime) -> UsageClock:
        if self.is_next(at):
            return advanced(self.clock, at)
        return clock_over(self.registered_at, (bought.at for bought in self._known_history().values()))

    def _known_history(self) -> dict[str, Bought]:
        if self.history is None:
            raise LookupError("the history of this member was not loaded")
        return self.history


def new_totals(registered_at: datetime) -> Totals:
    """The totals of a member who has just been registered."""
    return Totals(registered_at, Sum(), UsageClock(registered_at), any_bought=False, history={}, changed=True)
