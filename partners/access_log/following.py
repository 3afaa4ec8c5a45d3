"""Following the sealed log: its entries in the order of their indexes, each there once and none left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, Select, and_, bindparam, func, select, true

from partners.access_log import stored_checkpoints
from partners.access_log.search import these
from partners.access_log.tree import BrokenTreeError
from partners.tables.access import access_log
from partners.tables.sealing import sealed_leaf
from partners.vocabulary import Outcome

PULLED, PUSHED = "audit.stream", "audit.push"
_CARRIAGE = (PULLED, PUSHED)
"""Operations that carry the log itself away: their own records are no news, or every one would make the next."""
START = -1
"""The index before the first."""


@dataclass(frozen=True)
class Followed:
    """A sealed entry; nothing for `row` where its record is no longer kept."""

    index: int
    at: datetime
    access: UUID
    row: Row[Any] | None


def size(connection: Connection) -> int:
    """How many entries are sealed."""
    newest = stored_checkpoints.newest(connection)
    return newest.size if newest else 0


def has_news(connection: Connection, *, after: int) -> bool:
    """Whether anything was sealed after an index but records of the log's having been carried away."""
    return connection.execute(_NEWS, {"after": after}).first() is not None


def follow(connection: Connection, *, after: int, limit: int, through: int | None = None) -> list[Followed]:
    """Return the entries that follow an index, at most `limit` and none beyond `through`.

    Raise `BrokenTreeError` where the next one should be there and is not.
    """
    leaves = connection.execute(_LEAVES, {"after": after, "limit": limit, "through": through}).all()
    whole = _without_gap(leaves, after)
    if not whole and (leaves or size(connection) > after + 1):
        raise BrokenTreeError
    rows = these(connection, [leaf.access for leaf in whole], [leaf.at for leaf in whole])
    return [Followed(leaf.place, leaf.at, leaf.access, rows.get(leaf.access)) for leaf in whole]


def _without_gap(leaves: Sequence[Row[Any]], after: int) -> Sequence[Row[Any]]:
    """What of some leaves follows an index without a gap."""
    for place, leaf in enumerate(leaves, 1):
        if leaf.place != after + place:
            return leaves[: place - 1]
    return leaves


def _leaves() -> Select[Any]:
    through = bindparam("through", type_=BigInteger)
    return (
        select(sealed_leaf.c.index.label("place"), sealed_leaf.c.at, sealed_leaf.c.access)
        .where(
            sealed_leaf.c.index > bindparam("after", type_=BigInteger),
            sealed_leaf.c.index <= func.coalesce(through, sealed_leaf.c.index),
        )
        .order_by(sealed_leaf.c.index)
        .limit(bindparam("limit", type_=BigInteger))
    )


def news_after(after: ColumnElement[int]) -> Select[int]:
    """The first index after one that was sealed for anything but a record of the log's having been carried away."""
    same = and_(access_log.c.at == sealed_leaf.c.at, access_log.c.id == sealed_leaf.c.access)
    carried = and_(access_log.c.operation.in_(_CARRIAGE), access_log.c.outcome.in_((Outcome.RELEASED, Outcome.EMPTY)))
    # A subquery of its own for each leaf: the planner would rather join all there are, and one is wanted.
    is_carried = select(carried).where(same).correlate(sealed_leaf).scalar_subquery()
    return (
        select(sealed_leaf.c.index)
        .where(sealed_leaf.c.index > after, is_carried.is_not(true()))
        .order_by(sealed_leaf.c.index)
        .limit(1)
    )


_LEAVES, _NEWS = _leaves(), news_after(bindparam("after", type_=BigInteger))
