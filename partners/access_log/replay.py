"""The tree grown again from its leaves, and held against stored nodes, checkpoints and what witnesses saw."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from sys import maxsize

from partners.access_log.findings import Finding, Kind
from partners.access_log.merkle import Frontier, Hash, Tile
from partners.access_log.notes import NoteError
from partners.access_log.stored_checkpoints import NONE, StoredCheckpoint
from partners.access_log.tree import TILE_HEIGHT, TILE_WIDTH
from partners.access_log.trust import Trust, Witness

Node = tuple[int, int]
"""Level and number."""


class Replay:
    """Grows with every leaf; `found` gathers what does not fit."""

    def __init__(self, trust: Trust, witnesses: Sequence[Witness]) -> None:
        """Begin with nothing."""
        self.found: list[Finding] = []
        self.nodes: dict[Node, Hash] = {}
        """The stored nodes to come."""
        self.last = NONE
        """The checkpoint that was looked at last."""
        self._trust = trust
        self._frontier = Frontier()
        self._seen: dict[int, list[tuple[str, Hash]]] = {}
        for witness in witnesses:
            for checkpoint in witness.seen:
                self._seen.setdefault(checkpoint.size, []).append((witness.name, checkpoint.root))
        self._sizes = sorted(self._seen)
        self._wrong: set[Node] = set()
        self._sound = 0
        """How many entries were last known to be those that were signed."""
        self._misfits = 0
        """How many signed checkpoints did not fit since."""
        self._compare_with_witnesses()

    @property
    def size(self) -> int:
        """How many leaves there were."""
        return self._frontier.size

    def append(self, leaf: Hash) -> None:
        """Add a leaf."""
        self._frontier.append(leaf, self._completed)
        if self._frontier.size in self._seen:
            self._compare_with_witnesses()

    def extend(self, leaves: Sequence[Hash], first: int, tiles: Mapping[int, Tile]) -> None:
        """Add the leaves from an index on: hashed already where they are part of one of the tiles, by their numbers.

        As far as a witness saw, and on: whatever lies between is not looked at.
        """
        place = 0
        while place < len(leaves):
            size = self._frontier.size
            tile = tiles.get(size // TILE_WIDTH) if size == first + place else None
            if tile is None:
                self.append(leaves[place])
                place += 1
                continue
            begun = size // TILE_WIDTH * TILE_WIDTH
            end = min(begun + TILE_WIDTH, size + len(leaves) - place, self._seen_after(size))
            self._frontier.grow(tile, end - begun, self._completed)
            if end in self._seen:
                self._compare_with_witnesses()
            place += end - size

    def _seen_after(self, size: int) -> int:
        """The next size that a witness saw the log at."""
        place = bisect_right(self._sizes, size)
        return self._sizes[place] if place < len(self._sizes) else maxsize

    def hold(self, checkpoint: StoredCheckpoint) -> None:
        """Hold the tree, which should be as large as a checkpoint says, against it."""
        if checkpoint.number != self.last.number + 1:
            lost = f"checkpoints {self.last.number + 1} to {checkpoint.number - 1} are gone"
            self._find(Kind.CHECKPOINT_MISSING, lost)
        self.last, name = checkpoint, f"checkpoint {checkpoint.number}"
        try:
            signed = self._trust.open_if_known(checkpoint.note)
        except NoteError as error:
            self._find(Kind.CHECKPOINT_UNTRUSTED, f"{name}: {error}")
            return
        if signed.size != checkpoint.size or checkpoint.size < self.size:
            self._find(Kind.CHECKPOINT_DISPLACED, f"{name} stands where another one stood")
        elif checkpoint.size > self.size:
            self._find(Kind.LOG_CUT_OFF, f"{name} was signed for {checkpoint.size} entries, and {self.size} are there")
        elif signed.root == self._frontier.root():
            self._sound, self._misfits = self.size, 0
        else:
            self._misfit(name)

    def finish(self) -> None:
        """Look at what is left when there are no more leaves and no more checkpoints."""
        if self.last.size < self.size:
            self._find(Kind.LEAVES_UNSIGNED, "no checkpoint was signed for it", self.last.size, self.size - 1)
        if self._misfits > 1:
            self._find(Kind.LEAVES_CHANGED, f"{self._misfits - 1} later checkpoints do not fit either")
        for level, number in self.nodes:
            self._find(Kind.NODE_CHANGED, f"stored hash {number} of level {level} is of no entries")
        for size in sorted(size for size in self._seen if size > self.size):
            for name, _ in self._seen[size]:
                self._find(Kind.LOG_CUT_OFF, f"{name} saw {size} entries, and {self.size} are there")

    def _completed(self, height: int, number: int, node: Hash) -> None:
        level, rest = divmod(height, TILE_HEIGHT)
        if rest:
            return
        stored = self.nodes.pop((level, number), None)
        first, end = number << height, number + 1 << height
        if stored == node:
            return
        self._wrong.add((level, number))
        children = range(number * TILE_WIDTH, (number + 1) * TILE_WIDTH)
        if stored is None:
            self._find(Kind.NODE_CHANGED, "the stored hash over them is gone", first, end - 1)
        elif level > 1 and not any((level - 1, child) in self._wrong for child in children):
            self._find(Kind.NODE_CHANGED, "the stored hash over them is another", first, end - 1)
        elif level == 1 and not self._is_said(first, end):
            self._find(Kind.LEAVES_CHANGED, "they do not add up to the stored hash over them", first, end - 1)

    def _misfit(self, name: str) -> None:
        self._misfits += 1
        if self._misfits == 1 and not self._is_said(self._sound, self.size):
            text = f"not the entries that {name} was signed for"
            self._find(Kind.LEAVES_CHANGED, text, self._sound, self.size - 1)

    def _is_said(self, first: int, end: int) -> bool:
        """Whether something that was found before explains what is wrong within some entries."""
        return any(
            finding.index is not None and first <= finding.index and (finding.last_index or finding.index) < end
            for finding in self.found
            if finding.kind in {Kind.LEAVES_CHANGED, Kind.LEAF_MISSING}
        )

    def _compare_with_witnesses(self) -> None:
        for name, root in self._seen.get(self.size, ()):
            if root != self._frontier.root():
                self._find(Kind.LOG_REWRITTEN, f"the first {self.size} entries are not those that {name} saw")

    def _find(self, kind: Kind, text: str, index: int | None = None, last_index: int | None = None) -> None:
        self.found.append(Finding(kind, text, index, last_index))
