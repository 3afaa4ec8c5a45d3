"""The sealed log in blocks: what a verification needs to know of some thousands of entries at a time."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from partners.access_log.merkle import Hash, Tile
from partners.access_log.records import Entry, is_sound
from partners.access_log.stored import rows_between
from partners.access_log.tree import TILE_HEIGHT, TILE_WIDTH

_SETTINGS = ("plan_cache_mode = force_custom_plan", "enable_nestloop = off", "jit = off", "work_mem = '64MB'")
"""A block is joined as a whole; without fresh statistics the planner would take it for a row or two."""
_HASH, _ID = 32, 16
"""Bytes of each."""


@dataclass(frozen=True)
class Block:
    """A part of the log."""

    places: Sequence[int]
    """The indexes of its entries, in order; what is missing was removed."""
    hashes: Sequence[Hash]
    instants: Sequence[int]
    """Of each, as `Entry` has it."""
    ids: bytes
    """Of all of them, one behind the other."""
    unsound: Sequence[tuple[int, Entry]]
    """All there is of those against which something might be said, each behind its number in this block."""
    tiles: Mapping[int, Tile]
    """By number: those of the tree that are complete here, if nothing was removed before them."""

    def id(self, number: int) -> bytes:
        """The id of one of the entries."""
        return self.ids[number * _ID : (number + 1) * _ID]


def read_by_blocks(connection: Connection) -> None:
    """Prepare a transaction for the reading of blocks."""
    for setting in _SETTINGS:
        connection.execute(text(f"SET LOCAL {setting}"))


def block_between(connection: Connection, first: int, end: int, network_may_be_gone_before: int) -> Block:
    """Read the entries from one index up to another, of which there is at least one; raise `UnreadableError`.

    Every hash of a record, of what stands beside it and of the tree is computed here, from what was read.
    """
    heads, found = list[tuple[int, Hash, int, bytes]](), list[Entry]()
    for row in rows_between(connection, first, end):
        heads.append((row[0], row[1], row[2], row[3]))
        if not is_sound(row, network_may_be_gone_before):
            found.append(Entry._make(row))
    heads.sort()
    indexes, hashes, instants, ids = zip(*heads, strict=True)
    is_whole = indexes[-1] - indexes[0] == len(indexes) - 1
    places = range(indexes[0], indexes[-1] + 1) if is_whole else indexes
    unsound = [(bisect_left(places, entry.place), entry) for entry in sorted(found)]
    return Block(places, hashes, array("q", instants), b"".join(ids), unsound, dict(_tiles(places, hashes)))


def _tiles(places: Sequence[int], hashes: Sequence[Hash]) -> Iterator[tuple[int, Tile]]:
    for tile in range(places[0] >> TILE_HEIGHT, (places[-1] >> TILE_HEIGHT) + 1):
        first = tile << TILE_HEIGHT
        number = bisect_left(places, first)
        leaves = hashes[number : number + TILE_WIDTH]
        is_whole = len(leaves) == TILE_WIDTH and places[number + TILE_WIDTH - 1] == first + TILE_WIDTH - 1
        if is_whole and set(map(len, leaves)) == {_HASH}:
            yield tile, Tile(leaves)
