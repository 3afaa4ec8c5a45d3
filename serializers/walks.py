"""Walks through a list: from the query and a position to the prepared statement and its parameters."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from partners.vocabulary import Relation
from serializers.queries import but_the_page, start_of
from serializers.statements import (
    MEMBER_FILTERS,
    MembersShape,
    Prepared,
    PurchasesShape,
    cards_page,
    members_page,
    purchases_page,
    spending_page,
)

Position = Sequence[Any]
"""What the last row was ordered by."""


class Walk(ABC):
    """A walk through a list that a query describes, page by page."""

    query: Mapping[str, Any]

    def identity(self) -> dict[str, Any]:
        """What a cursor of this walk is bound to: everything asked but the page."""
        return but_the_page(self.query)

    @abstractmethod
    def statement(self, position: Position | None, *, bulk: bool = False) -> Prepared:
        """The prepared statement for the page after `position`; `bulk` where a page has thousands of rows."""

    @abstractmethod
    def parameters(self, position: Position | None) -> dict[str, Any]:
        """Values for the statement's bind parameters."""


@dataclass(frozen=True)
class MembersWalk(Walk):
    """Through the members of a webmaster."""

    query: Mapping[str, Any]
    """A loaded `MembersQuery`."""

    def statement(self, position: Position | None, *, bulk: bool = False) -> Prepared:
        """One of the shapes of a member list."""
        return members_page(
            MembersShape(
                filters=MEMBER_FILTERS.intersection(self.query),
                descending=self.query["sort"].startswith("-"),
                continued=position is not None,
                bulk=bulk,
            )
        )

    def parameters(self, position: Position | None) -> dict[str, Any]:
        """The filters that were set, and where the page starts."""
        asked = {name: self.query[name] for name in MEMBER_FILTERS.intersection(self.query)}
        return {"limit": self.query["limit"], **asked, **_after(position)}


@dataclass(frozen=True)
class CardsWalk(Walk):
    """Through the members who stand in a relation to a model."""

    query: Mapping[str, Any]
    """A loaded `CardsQuery` with `relation`."""
    may_read_sensitive: bool

    def statement(self, position: Position | None, *, bulk: bool = False) -> Prepared:  # noqa: ARG002 - never bulk
        """The list of the relation asked for."""
        return cards_page(Relation(self.query["relation"]), continued=position is not None)

    def parameters(self, position: Position | None) -> dict[str, Any]:
        """The scope, and where the page starts."""
        after = {"after_number": position[0]} if position is not None else {}
        return {"limit": self.query["limit"], "caller_may_read_sensitive": self.may_read_sensitive, **after}


@dataclass(frozen=True)
class PurchasesWalk(Walk):
    """Through the purchase log, newest first; or on from a watermark, in order of recording."""

    query: Mapping[str, Any]
    """A loaded `PurchasesQuery`."""
    watermark: int | None = None

    def statement(self, position: Position | None, *, bulk: bool = False) -> Prepared:
        """One of the shapes of the log."""
        return purchases_page(
            PurchasesShape(
                filters=frozenset(self._asked()),
                since=self.watermark is not None,
                continued=self.watermark is None and position is not None,
                bulk=bulk,
            )
        )

    def parameters(self, position: Position | None) -> dict[str, Any]:
        """The filters that were set, and where the page starts."""
        values = {_PARAMETERS.get(name, name): value for name, value in self._asked().items()}
        return {"limit": self.query["limit"], **values, **self._where_it_goes_on(position)}

    def _where_it_goes_on(self, position: Position | None) -> dict[str, Any]:
        if self.watermark is None:
            return _after(position)
        return {"after_number": self.watermark if position is None else position[0]}

    def _asked(self) -> dict[str, Any]:
        zone, one_day = self.query["timezone"], timedelta(days=1)
        asked = {name: self.query[name] for name in ("campaign",) if name in self.query}
        if "first" in self.query:
            asked["from"] = start_of(self.query["first"], zone)
        if "last" in self.query:
            asked["to"] = start_of(self.query["last"] + one_day, zone)
        return asked


@dataclass(frozen=True)
class SpendingWalk(Walk):
    """Through one member's lines of spending with a model."""

    query: Mapping[str, Any]
    """A loaded `SpendingQuery`."""
    username: str
    card: Mapping[str, Any]
    """The parameters of the card that the lines belong to."""

    def identity(self) -> dict[str, Any]:
        """A cursor goes on with the same member's lines alone."""
        return super().identity() | {"username": self.username}

    def statement(self, position: Position | None, *, bulk: bool = False) -> Prepared:  # noqa: ARG002 - never bulk
        """One of the shapes of the lines."""
        return spending_page(frozenset(self._asked()), continued=position is not None)

    def parameters(self, position: Position | None) -> dict[str, Any]:
        """Whose lines, the filters that were set, and where the page starts."""
        values = {_PARAMETERS[name]: value for name, value in self._asked().items()}
        return {"limit": self.query["limit"], **self.card, **values, **_after(position)}

    def _asked(self) -> dict[str, datetime]:
        named = {"from": "since", "to": "until"}
        return {name: self.query[key] for name, key in named.items() if key in self.query}


_PARAMETERS = {"from": "from_instant", "to": "to_instant"}


def _after(position: Position | None) -> dict[str, Any]:
    if position is None:
        return {}
    after_at, after_number = position
    return {"after_at": datetime.fromisoformat(after_at), "after_number": after_number}
