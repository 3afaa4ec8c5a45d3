"""Verification of the whole log: everything is computed again from the stored bytes, and nothing stops at a finding."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from partners.access_log.findings import Finding, Kind
from partners.access_log.merkle import leaf_hash
from partners.access_log.pruning import Gaps
from partners.access_log.reading import Block, Reading
from partners.access_log.records import Entry, differences
from partners.access_log.replay import Replay
from partners.access_log.search import LONGEST_REQUEST
from partners.access_log.trust import Trust, Witness
from partners.access_log.unsealed import Waiting, forged, waiting

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

    def __init__(self, connection: Connection, trust: Trust, witnesses: Sequence[Witness], *, now: datetime) -> None:
        """Verify by the real clock `now`."""
        self.covered = Covered()
        self._connection = connection
        self._witnesses = witnesses
        self._now = now
        self._replay = Replay(trust, witnesses)
        self._gaps = Gaps(connection, trust)
        self._found = self._replay.found
        self._found.extend(self._gaps.found)
        self._expected = 0
        self._records = 0
        self._first_uncovered: dict[int, datetime] = dict.fromkeys((witness.size for witness in witnesses), now)

    def findings(self) -> Iterator[Finding]:
        """Everything that is not as it was sealed, as it is found."""
        reading, said = Reading(self._connection), 0
        for block in reading.blocks():
            self._walk(block)
            yield from self._found[said:]
            said = len(self._found)
        for promise in reading.rest():
            self._replay.hold(promise)
        self._finish()
        yield from self._found[said:]

    def _walk(self, block: Block) -> None:
        self._replay.nodes |= block.nodes
        promises = iter(block.promises)
        promise = next(promises, None)
        for entry in block.entries:
            while promise is not None and promise.size <= self._replay.size:
                self._replay.hold(promise)
                promise = next(promises, None)
            if entry.place != self._expected:
                self._fill_gap(entry.place)
            self._look_at(entry)
            self._replay.append(entry.hash)
            self._expected = entry.place + 1
        for each in (promise, *promises):
            if each is not None:
                self._replay.hold(each)

    def _fill_gap(self, index: int) -> None:
        self._found.append(Finding(Kind.LEAF_MISSING, "gone from the log", self._expected, index - 1))
        for _ in range(min(index - self._expected, _LONGEST_GAP)):
            self._replay.append(_GONE)

    def _look_at(self, entry: Entry) -> None:
        self._cover(entry)
        may_be_gone = self._gaps.meet(entry.place, entry.at, entry.hash)
        if entry.leaf is None:
            self.covered.pruned += may_be_gone
            if not may_be_gone:
                self._find(Kind.RECORD_MISSING, "the record is gone", entry)
            return
        self._records += 1
        if leaf_hash(entry.leaf) != entry.hash:
            self._find(Kind.RECORD_CHANGED, "the record's bytes are not those that were sealed", entry)
        if may_be_gone:
            # Its month's tables go one after the other: what stands beside the bytes may be gone before them.
            return
        for kind, text in differences(entry, self._now):
            self._find(kind, text, entry)

    def _cover(self, entry: Entry) -> None:
        covered = self.covered
        covered.first_at = covered.first_at or entry.at
        if covered.last_at is None or entry.at > covered.last_at:
            covered.last_at = entry.at
        elif entry.at < covered.last_at - LONGEST_REQUEST:
            self._find(Kind.RECORD_BACKDATED, "sealed long after its own time", entry)
        if entry.place in self._first_uncovered:
            self._first_uncovered[entry.place] = entry.at

    def _finish(self) -> None:
        self._replay.finish()
        self._found.extend(self._gaps.rest())
        facts = {"sealed": self._records, "horizon": self._replay.last.horizon}
        self._found.extend(forged(self._connection, **facts))
        self.covered.entries = self._replay.size
        self.covered.checkpoints = self._replay.last.number
        self.covered.waiting = waiting(self._connection, **facts)
        for witness in self._witnesses:
            lack = witness.lack(self._first_uncovered[witness.size], self._now)
            self.covered.stale += [lack] if lack else []

    def _find(self, kind: Kind, text: str, entry: Entry) -> None:
        self._found.append(Finding(kind, text, entry.place, access=UUID(hex=entry.access)))
