"""Walks through a list: from the query and a position to the prepared statement and its parameters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serializers.statements import MEMBER_FILTERS, MembersShape, Prepared, members_page

Position = Sequence[Any]
"""What the last row was ordered by."""


@dataclass(frozen=True)
class MembersWalk:
    """A walk through the members of a webmaster."""

    query: Mapping[str, Any]
    """A loaded `MembersQuery`."""

    def identity(self) -> dict[str, Any]:
        """What a cursor of this walk is bound to: everything asked but the page's size."""
        return {name: str(value) for name, value in self.query.items() if name not in {"limit", "cursor"}}

    def statement(self, position: Position | None) -> Prepared:
        """The prepared statement for the page after `position`."""
        return members_page(
            MembersShape(
                filters=MEMBER_FILTERS.intersection(self.query),
                descending=self.query["sort"].startswith("-"),
                continued=position is not None,
            )
        )

    def parameters(self, position: Position | None) -> dict[str, Any]:
        """Values for the statement's bind parameters."""
        asked = {name: self.query[name] for name in MEMBER_FILTERS.intersection(self.query)}
        if position is None:
            return {"limit": self.query["limit"], **asked}
        after_at, after_number = position
        after = {"after_at": datetime.fromisoformat(after_at), "after_number": after_number}
        return {"limit": self.query["limit"], **asked, **after}
