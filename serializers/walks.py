"""Walks through a list: from the query and a position to the prepared statement and its parameters."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from partners.vocabulary import Relation
from serializers.statements import MEMBER_FILTERS, MembersShape, Prepared, cards_page, members_page

Position = Sequence[Any]
"""What the last row was ordered by."""


class Walk(ABC):
    """A walk through a list that a query describes, page by page."""

    query: Mapping[str, Any]

    def identity(self) -> dict[str, Any]:
        """What a cursor of this walk is bound to: everything asked but the page's size."""
        return {name: str(value) for name, value in self.query.items() if name not in {"limit", "cursor"}}

    @abstractmethod
    def statement(self, position: Position | None) -> Prepared:
        """The prepared statement for the page after `position`."""

    @abstractmethod
    def parameters(self, position: Position | None) -> dict[str, Any]:
        """Values for the statement's bind parameters."""


@dataclass(frozen=True)
class MembersWalk(Walk):
    """Through the members of a webmaster."""

    query: Mapping[str, Any]
    """A loaded `MembersQuery`."""

    def statement(self, position: Position | None) -> Prepared:
        """One of the shapes of a member list."""
        return members_page(
            MembersShape(
                filters=MEMBER_FILTERS.intersection(self.query),
                descending=self.query["sort"].startswith("-"),
                continued=position is not None,
            )
        )

    def parameters(self, position: Position | None) -> dict[str, Any]:
        """The filters that were set, and where the page starts."""
        asked = {name: self.query[name] for name in MEMBER_FILTERS.intersection(self.query)}
        if position is None:
            return {"limit": self.query["limit"], **asked}
        after_at, after_number = position
        after = {"after_at": datetime.fromisoformat(after_at), "after_number": after_number}
        return {"limit": self.query["limit"], **asked, **after}


@dataclass(frozen=True)
class CardsWalk(Walk):
    """Through the members who stand in a relation to a model."""

    query: Mapping[str, Any]
    """A loaded `CardsQuery` with `relation`."""
    may_read_sensitive: bool

    def statement(self, position: Position | None) -> Prepared:
        """The list of the relation asked for."""
        return cards_page(Relation(self.query["relation"]), continued=position is not None)

    def parameters(self, position: Position | None) -> dict[str, Any]:
        """The scope, and where the page starts."""
        after = {"after_number": position[0]} if position is not None else {}
        return {"limit": self.query["limit"], "caller_may_read_sensitive": self.may_read_sensitive, **after}
