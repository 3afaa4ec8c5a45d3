"""What counters are told of: the events of the feed, as far as statistics and statements look at them."""

from datetime import date, datetime
from typing import Protocol

from partners.vocabulary import LedgerType


class Registered(Protocol):
    """A referred member's registration, with the dimensions known when it was applied."""

    @property
    def at(self) -> datetime:
        """When it happened."""

    @property
    def webmaster(self) -> int | None:
        """Who referred the member, by number."""

    @property
    def campaign(self) -> int | None:
        """By which campaign, by number."""

    @property
    def site(self) -> str:
        """On which site."""

    @property
    def country(self) -> str:
        """ISO 3166-1 alpha-2."""

    @property
    def device_type(self) -> str | None:
        """Nothing where no device was seen."""

    @property
    def counted(self) -> bool:
        """Whether the member was shared with the webmaster when the event was applied (R10)."""


class Entered(Registered, Protocol):
    """A purchase or its reversal, which has negative figures, as it stands in the ledger; money in minor units."""

    @property
    def type(self) -> LedgerType:
        """Which of the two."""

    @property
    def credits(self) -> int:
        """How many."""

    @property
    def amount(self) -> int:
        """What was paid."""

    @property
    def currency(self) -> str:
        """ISO 4217."""

    @property
    def income(self) -> int:
        """What the webmaster earns."""

    @property
    def first(self) -> bool:
        """Whether it is the member's first purchase ever applied."""

    @property
    def booked_month(self) -> date:
        """The first day of the month in whose statement it stands."""
