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

    def append_tile(self, leaves: Sequence[Hash], complete: Complete | None = None) -> None:
        """Add the hashes of a power of two of leaves at once, where the size is a multiple of it.

        `complete` learns of the subtree that they are, and of those which that completes, not of those within it.
        """
        nodes, height = leaves, 0
        while len(nodes) > 1:
            nodes = [sha256(b"\1" + left + right).digest() for left, right in zip(nodes[::2], nodes[1::2], strict=True)]
            height += 1
        self.size += len(leaves)
        number = self.size >> height
        if complete is not None and height:
            complete(height, number - 1, nodes[0])
        self._carry(nodes[0], number, height, complete)

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
