"""The sealed log in blocks: what a verification needs to know of some thousands of entries at a time."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from sqlalchemy import Connection, text

from partners.access_log.merkle import Hash, Tile
from partners.access_log.records import Entry, is_sound
from partners.access_log.stored import rows_between
from partners.access_log.tree import TILE_HEIGHT, TILE_WIDTH

_SETTINGS = ("plan_cache_mode = force_custom_plan", "enable_nestloop = off", "jit = off", "work_mem = '64MB'")
"""A block is joined as a whole; without fresh statistics the planner would take it for a row or two."""
_HASH, _ID = 32, 16
"""Bytes of each."""


class Packed(Sequence[bytes]):
    """Byte strings of one length, kept one behind the other: to hand on as one costs less than as thousands."""

    def __init__(self, joined: bytes, width: int) -> None:
        """Take strings of a width."""
        self._joined, self._width = joined, width

    def __len__(self) -> int:
        """How many they are."""
        return len(self._joined) // self._width

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> "Packed": ...
    def __getitem__(self, place: int | slice) -> "bytes | Packed":
        """One of them, or those from one up to another; places count from the beginning."""
        width = self._width
        if isinstance(place, int):
            return self._joined[place * width : (place + 1) * width]
        first, end, _ = place.indices(len(self))
        return Packed(self._joined[first * width : end * width], width)


@dataclass(frozen=True)
class Block:
    """A part of the log."""

    places: Sequence[int]
    """The indexes of its entries, in order; what is missing was removed."""
    hashes: Sequence[Hash]
    instants: Sequence[int]
    ids: Sequence[bytes]
    """Of each, as `Entry` has it."""
    unsound: Sequence[tuple[int, Entry]]
    """All there is of those against which something might be said, each behind its number in this block."""
    twins: Sequence[tuple[int, bytes]]
    """Index and id of what stands where another entry stands already: no table that is whole has any."""
    tiles: Mapping[int, Tile]
    """By number: those of the tree that are complete here, if nothing was removed before them."""


def read_by_blocks(connection: Connection) -> None:
    """Prepare a transaction for the reading of blocks."""
    for setting in _SETTINGS:
        connection.execute(text(f"SET LOCAL {setting}"))


def block_between(connection: Connection, first: int, end: int, network_may_be_gone_before: int) -> Block:
    """Read the entries from one index up to another, of which there is at least one; raise `UnreadableError`.

    Every hash of a record, of what stands beside it and of the tree is computed here, from what was read.
    """
    heads: list[tuple[Hash, int, bytes] | None] = [None] * (end - first)
    found, twins = list[Entry](), list[tuple[int, bytes]]()
    for row in rows_between(connection, first, end):
        if heads[row[0] - first] is not None:
            twins.append((row[0], row[3]))
            continue
        heads[row[0] - first] = row[1], row[2], row[3]
        if not is_sound(row, network_may_be_gone_before):
            found.append(Entry._make(row))
    places: Sequence[int] = range(first, end)
    if None in heads:
        places = [first + number for number, head in enumerate(heads) if head is not None]
    hashes, instants, ids = zip(*filter(None, heads), strict=True)
    unsound = [(bisect_left(places, entry.place), entry) for entry in sorted(found)]
    is_usual = set(map(len, hashes)) == {_HASH}
    return Block(
        places,
        Packed(b"".join(hashes), _HASH) if is_usual else hashes,
        array("q", instants),
        Packed(b"".join(ids), _ID),
        unsound,
        twins,
        dict(_tiles(places, hashes)) if is_usual else {},
    )


def _tiles(places: Sequence[int], hashes: Sequence[Hash]) -> Iterator[tuple[int, Tile]]:
    for tile in range(places[0] >> TILE_HEIGHT, (places[-1] >> TILE_HEIGHT) + 1):
        first = tile << TILE_HEIGHT
        number = bisect_left(places, first)
        leaves = hashes[number : number + TILE_WIDTH]
        if len(leaves) == TILE_WIDTH and places[number + TILE_WIDTH - 1] == first + TILE_WIDTH - 1:
            yield tile, Tile(leaves)
