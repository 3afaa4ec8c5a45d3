"""Verification of the whole log: everything is computed again from the stored bytes, and nothing stops at a finding."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Engine

from partners.access_log.blocks import Block
from partners.access_log.catalogue import hidden_rows, odd_tables
from partners.access_log.findings import Finding, Kind
from partners.access_log.merkle import leaf_hash
from partners.access_log.pruning import Gaps
from partners.access_log.reading import Reading
from partners.access_log.records import Entry, differences, instant_at
from partners.access_log.replay import Replay
from partners.access_log.search import LONGEST_REQUEST
from partners.access_log.stored import misplaced
from partners.access_log.trust import Trust, Witness
from partners.access_log.unsealed import Waiting, forged, records_in_all, waiting

_GONE = bytes(32)
"""Stands for a leaf that is missing: nothing above it will fit, and everything after it keeps its place."""
_LONGEST_GAP = 1_000_000
"""Leaves; beyond it an index was changed rather than leaves removed."""


@dataclass
class Covered:
    """How far a verification came; whole once its findings are all read."""

    entries: int = 0
    checkpoints: int = 0
    pruned: int = 0
    """Of these, entries whose records were let go in time."""
    first_at: datetime | None = None
    last_at: datetime | None = None
    waiting: Waiting = field(default_factory=Waiting)
    stale: list[str] = field(default_factory=list)
    """Why a given witness is stale or missing."""


class Verification:
    """One walk through the log, in a repeatable read transaction: as it was at one moment."""

    def __init__(
        self,
        connection: Connection,
        trust: Trust,
        witnesses: Sequence[Witness],
        *,
        now: datetime,
        engine: Engine | None = None,
    ) -> None:
        """Verify by the real clock `now`; with an `engine`, a large log is read by processes that connect by it."""
        self.covered = Covered()
        self._connection, self._engine = connection, engine
        self._witnesses = witnesses
        self._now = now
        self._replay = Replay(trust, witnesses)
        self._gaps = Gaps(connection, trust)
        self._found = self._replay.found
        self._found.extend(self._gaps.found)
        self._expected = 0
        self._records = self._twins = 0
        self._first_uncovered: dict[int, datetime] = dict.fromkeys((witness.size for witness in witnesses), now)

    def findings(self) -> Iterator[Finding]:
        """Everything that is not as it was sealed, as it is found; raise `UnreadableError`."""
        said = 0
        try:
            for _ in self._steps():
                yield from self._found[said:]
                said = len(self._found)
        except Exception:
            yield from self._found[said:]
            raise

    def _steps(self) -> Iterator[None]:
        """Go through the log; every now and then there may be findings to tell."""
        for place, access in misplaced(self._connection):
            self._find(Kind.RECORD_FORGED, "it stands where no entry can stand", place, access)
        with Reading(self._connection, self._now, self._engine) as reading:
            for block, nodes in reading.blocks():
                self._replay.nodes |= nodes
                self._walk(block, reading)
                yield
            self._hold(reading, None)
            self._replay.nodes |= reading.nodes_beyond(self._replay.size)
        self._finish()
        yield

    def _walk(self, block: Block, reading: Reading) -> None:
        """Look at a block's entries; those against which nothing can be said are taken together."""
        self._twins += len(block.twins)
        for place, access in block.twins:
            self._find(Kind.RECORD_FORGED, "a second record, or a second row of one, in its place", place, access)
        places, unsound, number = block.places, deque(block.unsound), 0
        while number < len(places):
            self._hold(reading, self._replay.size)
            if places[number] != self._expected:
                self._fill_gap(places[number])
            stop, entry = unsound[0] if unsound else (len(places), None)
            if entry is not None and stop == number:
                unsound.popleft()
                self._look_at(entry)
                self._replay.append(entry.hash)
                stop += 1
            else:
                checkpoint = reading.checkpoint()
                room = checkpoint.size - self._replay.size if checkpoint else stop - number
                stop = _gap(places, number, min(stop, number + max(room, 1)))
                self._pass(block, number, stop)
            number, self._expected = stop, places[stop - 1] + 1
        self._hold(reading, self._expected)

    def _hold(self, reading: Reading, size: int | None) -> None:
        """Hold the checkpoints up to a size against the tree."""
        while (checkpoint := reading.checkpoint()) is not None and (size is None or checkpoint.size <= size):
            self._replay.hold(checkpoint)
            reading.taken()

    def _pass(self, block: Block, number: int, stop: int) -> None:
        """Look at entries of a block one after the other, of which each is sound for itself."""
        first, end = block.places[number], block.places[number] + stop - number
        instants = block.instants[number:stop]
        earliest, latest = instant_at(min(instants)), instant_at(max(instants))
        newest = max(latest, self.covered.last_at or latest)
        if self._gaps.may_cover(first, end) or earliest < newest - LONGEST_REQUEST:
            for each in range(number, stop):
                place, at = block.places[each], instant_at(instants[each - number])
                self._cover(place, at, block.ids[each])
                self._gaps.meet(place, at, block.hashes[each])
        else:
            self.covered.first_at = self.covered.first_at or instant_at(instants[0])
            self.covered.last_at = newest
            for place in self._first_uncovered.keys() & range(first, end):
                self._first_uncovered[place] = instant_at(instants[place - first])
        self._records += stop - number
        self._replay.extend(block.hashes[number:stop], first, block.tiles)

    def _fill_gap(self, index: int) -> None:
        self._found.append(Finding(Kind.LEAF_MISSING, "gone from the log", self._expected, index - 1))
        for _ in range(min(index - self._expected, _LONGEST_GAP)):
            self._replay.append(_GONE)

    def _look_at(self, entry: Entry) -> None:
        """Look at an entry by itself; only one against which nothing can be said tells what time it was."""
        said = len(self._found)
        self._compare(entry, may_be_gone=self._gaps.meet(entry.place, entry.at, entry.hash))
        if len(self._found) == said:
            self._cover(entry.place, entry.at, entry.id)

    def _compare(self, entry: Entry, *, may_be_gone: bool) -> None:
        if entry.leaf is None:
            self.covered.pruned += may_be_gone
            if not may_be_gone:
                self._find(Kind.RECORD_MISSING, "the record is gone", entry.place, entry.id)
            return
        self._records += 1
        if leaf_hash(entry.leaf) != entry.hash:
            self._find(Kind.RECORD_CHANGED, "the record's bytes are not those that were sealed", entry.place, entry.id)
        if may_be_gone:
            # Its month's tables go one after the other: what stands beside the bytes may be gone before them.
            return
        for kind, text in differences(entry, self._now):
            self._find(kind, text, entry.place, entry.id)

    def _cover(self, place: int, at: datetime, access: bytes) -> None:
        covered = self.covered
        covered.first_at = covered.first_at or at
        if covered.last_at is None or at > covered.last_at:
            covered.last_at = at
        elif at < covered.last_at - LONGEST_REQUEST:
            self._find(Kind.RECORD_BACKDATED, "sealed long after its own time", place, access)
        if place in self._first_uncovered:
            self._first_uncovered[place] = at

    def _finish(self) -> None:
        self._replay.finish()
        self._found.extend(self._gaps.rest())
        self.covered.entries = self._replay.size
        self.covered.checkpoints = self._replay.last.number
        self._look_for_unsealed(records_in_all(self._connection) - self._records)
        self._found.extend(odd_tables(self._connection))
        self._found.extend(hidden_rows(self._connection))
        for witness in self._witnesses:
            lack = witness.lack(self._first_uncovered[witness.size], self._now)
            self.covered.stale += [lack] if lack else []

    def _look_for_unsealed(self, unsealed: int) -> None:
        """Account for each record that was not found sealed."""
        if not unsealed:
            return
        horizon = self._replay.last.horizon
        never_sealed = list(forged(self._connection, horizon))
        self._found.extend(never_sealed)
        self.covered.waiting = waiting(self._connection, horizon)
        rest = unsealed - self._twins - len(never_sealed) - self.covered.waiting.records
        if rest > 0:
            self._found.append(Finding(Kind.RECORD_FORGED, f"{rest} more records are there than were sealed or wait"))

    def _find(self, kind: Kind, text: str, place: int | None, access: bytes | None) -> None:
        self._found.append(Finding(kind, text, place, access=UUID(bytes=access) if access else None))


def _gap(places: Sequence[int], number: int, stop: int) -> int:
    """Where the first index is missing among those from one number up to another, or where they stop."""
    first = places[number] - number
    if places[stop - 1] - (stop - 1) == first:
        return stop
    return next(each for each in range(number, stop) if places[each] - each != first)
