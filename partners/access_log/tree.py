"""The tree as it is stored: appending to it, and reading the few hashes that a root or a proof is made of."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    DateTime,
    LargeBinary,
    Select,
    SmallInteger,
    Uuid,
    bindparam,
    func,
    insert,
    select,
)

from partners.access_log.merkle import Frontier, Hash, node_hash
from partners.tables.sealing import sealed_leaf, sealed_node

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT


class Leaf(NamedTuple):
    """What the tree holds of a record."""

    at: datetime
    access: UUID
    hash: Hash


class BrokenTreeError(Exception):
    """Hashes that must be there are not: somebody removed them."""

    def __str__(self) -> str:
        """What is wrong."""
        return "hashes of the tree are missing"


class StoredTree:
    """Reads subtrees; each tile of 256 hashes once. Lives no longer than a transaction that sees one moment."""

    def __init__(self, connection: Connection) -> None:
        """Read through a connection."""
        self._connection = connection
        self._tiles: dict[tuple[int, int], Sequence[Hash]] = {}

    def subtree(self, height: int, number: int) -> Hash:
        """The hash of a complete subtree; raise `BrokenTreeError`."""
        level, above = divmod(height, TILE_HEIGHT)
        first, width = number << above, 1 << above
        tile, place = divmod(first, TILE_WIDTH)
        hashes = self.tile(level, tile)[place : place + width]
        if len(hashes) != width:
            raise BrokenTreeError
        while len(hashes) > 1:
            hashes = [node_hash(left, right) for left, right in zip(hashes[::2], hashes[1::2], strict=True)]
        return hashes[0]

    def forget(self) -> None:
        """Let go of what was read."""
        self._tiles.clear()

    def tile(self, level: int, number: int) -> Sequence[Hash]:
        """What there is of the 256 hashes of a tile, in order; raise `BrokenTreeError` where one is missing between."""
        if (level, number) not in self._tiles:
            first = number * TILE_WIDTH
            parameters = {"level": level, "first": first, "end": first + TILE_WIDTH}
            rows = self._connection.execute(_NODES if level else _LEAVES, parameters).all()
            if rows and rows[-1].place != first + len(rows) - 1:
                raise BrokenTreeError
            self._tiles[level, number] = [row.hash for row in rows]
        return self._tiles[level, number]


def append(connection: Connection, frontier: Frontier, leaves: Sequence[Leaf]) -> None:
    """Append leaves to the stored tree whose frontier this is, and move the frontier on."""
    first, nodes = frontier.size, list[tuple[int, int, Hash]]()

    def complete(height: int, number: int, node: Hash) -> None:
        if height % TILE_HEIGHT == 0:
            nodes.append((height // TILE_HEIGHT, number, node))

    for leaf in leaves:
        frontier.append(leaf.hash, complete)
    if not leaves:
        return
    columns = {
        "indexes": list(range(first, frontier.size)),
        "hashes": [leaf.hash for leaf in leaves],
        "instants": [leaf.at for leaf in leaves],
        "accesses": [leaf.access for leaf in leaves],
    }
    connection.execute(_APPEND_LEAVES, columns)
    if nodes:
        levels, numbers, hashes = zip(*nodes, strict=True)
        connection.execute(_APPEND_NODES, {"levels": levels, "numbers": numbers, "hashes": hashes})


_FIRST, _END = bindparam("first", type_=BigInteger), bindparam("end", type_=BigInteger)
_LEAVES = (
    select(sealed_leaf.c.index.label("place"), sealed_leaf.c.hash)
    .where(sealed_leaf.c.index >= _FIRST, sealed_leaf.c.index < _END, sealed_leaf.c.hash.is_not(None))
    .order_by(sealed_leaf.c.index)
)
_NODES = (
    select(sealed_node.c.number.label("place"), sealed_node.c.hash)
    .where(
        sealed_node.c.level == bindparam("level", type_=SmallInteger),
        sealed_node.c.number >= _FIRST,
        sealed_node.c.number < _END,
        sealed_node.c.hash.is_not(None),
    )
    .order_by(sealed_node.c.number)
)


def _rows(**arrays: ARRAY[object]) -> Select[object]:
    """One row for each place of arrays of one length."""
    parameters = [bindparam(name, type_=kind) for name, kind in arrays.items()]
    columns = func.unnest(*parameters).table_valued(*arrays).render_derived()
    return select(*columns.c)


_APPEND_LEAVES = insert(sealed_leaf).from_select(
    ["index", "hash", "at", "access"],
    _rows(
        indexes=ARRAY(BigInteger),
        hashes=ARRAY(LargeBinary),
        instants=ARRAY(DateTime(timezone=True)),
        accesses=ARRAY(Uuid),
    ),
)
_APPEND_NODES = insert(sealed_node).from_select(
    ["level", "number", "hash"],
    _rows(levels=ARRAY(SmallInteger), numbers=ARRAY(BigInteger), hashes=ARRAY(LargeBinary)),
)
