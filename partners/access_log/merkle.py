"""The Merkle tree of RFC 6962: hashes, roots, and the paths that prove inclusion and consistency."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import TypeAlias

Hash: TypeAlias = bytes
"""32 bytes of SHA-256."""
Subtree: TypeAlias = Callable[[int, int], Hash]
"""From height and number to the hash of a complete subtree: leaves `number << height` up to the next one's first."""
Complete: TypeAlias = Callable[[int, int, Hash], None]
"""Is told height, number and hash of each complete subtree, leaves left out, as it comes to be."""

EMPTY_ROOT = sha256().digest()


class BrokenProofError(Exception):
    """A path does not lead where it should."""

    def __str__(self) -> str:
        """What is wrong."""
        return "the path does not lead from the entry to the checkpoint"


def leaf_hash(leaf: bytes) -> Hash:
    """Hash the exact bytes of an entry."""
    return sha256(b"\0" + leaf).digest()


def node_hash(left: Hash, right: Hash) -> Hash:
    """Hash two subtrees into the one above them."""
    return sha256(b"\1" + left + right).digest()


class Tile:
    """A complete subtree of some height, above 0, and all the hashes in it."""

    def __init__(self, leaves: Sequence[Hash]) -> None:
        """Hash a power of two of leaves."""
        nodes, self._levels = leaves, [b"".join(leaves)]
        while len(nodes) > 1:
            nodes = [sha256(b"\1" + left + right).digest() for left, right in zip(nodes[::2], nodes[1::2], strict=True)]
            self._levels.append(b"".join(nodes))

    @property
    def height(self) -> int:
        """How far its root is above its leaves."""
        return len(self._levels) - 1

    def peaks(self, width: int) -> list[Hash]:
        """The roots of the complete subtrees of its first leaves, from the largest to the smallest."""
        heights = (height for height in reversed(range(width.bit_length())) if width >> height & 1)
        return [self._node(height, (width >> height) - 1) for height in heights]

    def _node(self, height: int, number: int) -> Hash:
        size = len(EMPTY_ROOT)
        return self._levels[height][number * size : (number + 1) * size]


class Frontier:
    """The right edge of a growing tree: the roots of its complete subtrees, from the largest to the smallest."""

    def __init__(self, size: int = 0, peaks: Sequence[Hash] = ()) -> None:
        """Take up a tree where it stands."""
        self.size = size
        self._peaks = list(peaks)

    def append(self, leaf: Hash, complete: Complete | None = None) -> None:
        """Add a leaf's hash; `complete` learns of every subtree that the leaf completes."""
        self.size += 1
        self._carry(leaf, self.size, 0, complete)

    def grow(self, tile: "Tile", width: int, complete: Complete | None = None) -> None:
        """Go on to where the tree has the first `width` leaves of a tile, some of which it may have already.

        It must stand within the tile or at its beginning. `complete` learns of the whole tile and of the subtrees that
        this completes, not of those within it.
        """
        before = self.size >> tile.height
        del self._peaks[before.bit_count() :]
        self.size = (before << tile.height) + width
        if width >> tile.height:
            (root,) = tile.peaks(width)
            if complete is not None:
                complete(tile.height, before, root)
            self._carry(root, before + 1, tile.height, complete)
        else:
            self._peaks += tile.peaks(width)

    def _carry(self, node: Hash, number: int, height: int, complete: Complete | None) -> None:
        """Add the hash of the last of `number` subtrees of a height."""
        peaks = self._peaks
        while not number & 1:
            number >>= 1
            height += 1
            node = sha256(b"\1" + peaks.pop() + node).digest()
            if complete is not None:
                complete(height, number - 1, node)
        peaks.append(node)

    def root(self) -> Hash:
        """The root hash of the whole tree as it is now."""
        if not self._peaks:
            return EMPTY_ROOT
        *others, root = self._peaks
        for peak in reversed(others):
            root = node_hash(peak, root)
        return root


def frontier_of(size: int, subtree: Subtree) -> Frontier:
    """Build the frontier of a tree from its stored subtrees."""
    heights = [height for height in reversed(range(size.bit_length())) if size >> height & 1]
    return Frontier(size, [subtree(height, (size >> height) - 1) for height in heights])


def inclusion_path(index: int, size: int, subtree: Subtree) -> list[Hash]:
    """The path from a leaf to the root of the tree of `size` leaves (RFC 6962 §2.1.1); `index` < `size`."""
    path: list[Hash] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_root_of(middle, end, subtree))
            end = middle
        else:
            path.append(_root_of(start, middle, subtree))
            start = middle
    return path[::-1]


def consistency_path(old: int, new: int, subtree: Subtree) -> list[Hash]:
    """The path that proves the tree of `old` leaves to be a prefix of that of `new` (RFC 6962 §2.1.2).

    Empty where there is nothing to prove: `old` is 0 or equals `new`.
    """
    path: list[Hash] = []
    start, end = 0, new
    if old in {0, new}:
        return path
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_root_of(middle, end, subtree))
            end = middle
        else:
            path.append(_root_of(start, middle, subtree))
            start = middle
    # A first part that is a complete subtree of both trees is what the asker knows already.
    if start:
        path.append(_root_of(start, end, subtree))
    return path[::-1]


def root_by_path(index: int, size: int, leaf: Hash, path: Sequence[Hash]) -> Hash:
    """The root that a path leads to from a leaf's hash; raise `BrokenProofError`."""
    if not 0 <= index < size:
        raise BrokenProofError
    node, place, last = leaf, index, size - 1
    for beside in path:
        if last == 0:
            raise BrokenProofError
        if place & 1 or place == last:
            node = node_hash(beside, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, beside)
        place, last = place >> 1, last >> 1
    if last:
        raise BrokenProofError
    return node


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def _root_of(start: int, end: int, subtree: Subtree) -> Hash:
    """The root over leaves `start` to `end`, where `start` is a multiple of the power of two not below the length."""
    size = end - start
    if size & (size - 1) == 0:
        height = size.bit_length() - 1
        return subtree(height, start >> height)
    middle = start + _split(size)
    return node_hash(_root_of(start, middle, subtree), _root_of(middle, end, subtree))
