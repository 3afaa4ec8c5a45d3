"""Months of records that were let go once they had outlived their time: what is gone is signed, and sealed before."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Text, cast, func, select

from partners.access_log.findings import Finding, Kind
from partners.access_log.merkle import Hash, leaf_hash
from partners.access_log.notes import NoteError
from partners.access_log.trust import Trust
from partners.months import beginning_of, next_month
from partners.postgres.literals import text_literal
from partners.tables.pruning import log_pruning
from partners.tables.sealing import sealed_leaf

MONTHS_KEPT = 25
"""How long a record stays after the end of its month. Its hash, and the tree, stay longer."""
OPERATION = "retention.pruned"
_STATEMENT = re.compile(
    rf"(?P<origin>[^\n]+)\n{re.escape(OPERATION)}\n(?P<month>\d{{4}}-\d\d)\n"
    r"(?P<first>\d{1,19}) (?P<last>\d{1,19}) (?P<entries>\d{1,19})\n(?P<digest>[0-9a-f]{64})\n\n"
)


@dataclass(frozen=True)
class Pruning:
    """A month of records that may be gone, and exactly which they are."""

    month: date
    """Its first day, in UTC."""
    first: int
    last: int
    """The first and the last index; months overlap in the log, because requests last."""
    entries: int
    digest: Hash
    """SHA-256 over the leaves' hashes, in the log's order."""

    @cached_property
    def period(self) -> tuple[datetime, datetime]:
        """When the month begins, and when the next one does."""
        return beginning_of(self.month), beginning_of(next_month(self.month))

    def covers(self, index: int, at: datetime) -> bool:
        """Whether an entry is among those that may be gone, if the digest says so too."""
        return self.first <= index <= self.last and self.period[0] <= at < self.period[1]

    def text(self, origin: str) -> str:
        """What is signed: the second line, which is no number, tells it from a checkpoint."""
        place = f"{self.first} {self.last} {self.entries}"
        return f"{origin}\n{OPERATION}\n{self.month:%Y-%m}\n{place}\n{self.digest.hex()}\n"


def has_outlived(month: date, now: datetime) -> bool:
    """Whether the records of a month may go."""
    return now >= beginning_of(next_month(month, 1 + MONTHS_KEPT))


def read_pruning(note: str) -> tuple[str, Pruning]:
    """Read the log's name and what was signed; raise `NoteError`. Whether the signature fits is not looked at."""
    found = _STATEMENT.match(note)
    if found is None:
        raise NoteError("it does not say what was let go")
    first, last, entries = (int(found[name]) for name in ("first", "last", "entries"))
    try:
        month = date.fromisoformat(f"{found['month']}-01")
    except ValueError:
        raise NoteError("it does not say what was let go") from None
    return found["origin"], Pruning(month, first, last, entries, bytes.fromhex(found["digest"]))


def note_in(leaf: bytes) -> tuple[str, datetime]:
    """The signed note in the exact bytes of a record that lets a month go, and the record's time; or `NoteError`."""
    try:
        said = orjson.loads(leaf)
        note, at = said["details"]["note"], datetime.fromisoformat(said["at"])
    except (ValueError, KeyError, TypeError):
        note, at = None, None
    if not isinstance(note, str) or at is None or at.tzinfo is None:
        raise NoteError("it is no record that lets a month go")
    return note, at


def prunings(connection: Connection) -> list[Pruning]:
    """What was declared of each month, unverified; raise `NoteError`."""
    return [read_pruning(note_in(leaf)[0])[1] for leaf in connection.execute(select(log_pruning.c.leaf)).scalars()]


@dataclass
class Gap:
    """What a verification meets of a month that may be gone."""

    pruning: Pruning
    entries: int = 0
    _hashes: Any = field(default_factory=sha256)

    def add(self, leaf: Hash) -> None:
        """Count an entry, in the log's order."""
        self.entries += 1
        self._hashes.update(leaf)

    def finding(self) -> Finding | None:
        """Say so if it is not exactly what was signed."""
        pruning = self.pruning
        if (self.entries, self._hashes.digest()) == (pruning.entries, pruning.digest):
            return None
        text = f"not the {pruning.entries} records of {pruning.month:%Y-%m} that were to be let go"
        return Finding(Kind.PRUNED_OTHERWISE, text, pruning.first, pruning.last)


class Gaps:
    """Where records may be missing, because a sealed record says so that a trusted key signed."""

    def __init__(self, connection: Connection, trust: Trust) -> None:
        """Read what was let go; what does not hold is found, and permits nothing."""
        self.found: list[Finding] = []
        self._gaps: list[Gap] = []
        for row in connection.execute(_PRUNINGS):
            try:
                self._gaps.append(Gap(_permitted(row, trust)))
            except NoteError as error:
                text = f"{row.month.removesuffix('-01')} may not be gone: {error}"
                self.found.append(Finding(Kind.PRUNING_UNTRUSTED, text, row.place, access=row.access))

    def meet(self, index: int, at: datetime, leaf: Hash) -> bool:
        """Say whether an entry's record may be gone; every entry that any may cover has to come by, in order."""
        for gap in self._gaps:
            if gap.pruning.covers(index, at):
                gap.add(leaf)
                return True
        return False

    def permits(self, index: int, at: datetime) -> bool:
        """Whether an entry's record may be gone; nothing is counted."""
        return any(gap.pruning.covers(index, at) for gap in self._gaps)

    def may_cover(self, first: int, end: int) -> bool:
        """Whether any of the entries from an index up to another may have to come by."""
        return any(gap.pruning.first < end and first <= gap.pruning.last for gap in self._gaps)

    def rest(self) -> Sequence[Finding]:
        """What is found once every entry came by."""
        return [finding for gap in self._gaps if (finding := gap.finding()) is not None]


def _permitted(row: Row[Any], trust: Trust) -> Pruning:
    if row.place is None:
        raise NoteError("the record that says so is not sealed")
    if row.leaf is None or leaf_hash(row.leaf) != row.hash:
        raise NoteError("the record that says so is not the one that was sealed")
    note, at = note_in(row.leaf)
    origin, pruning = read_pruning(note)
    trust.open_signed(note, origin, row.place)
    if pruning.month.isoformat() != row.month or not has_outlived(pruning.month, at):
        raise NoteError("it was let go before its time")
    return pruning


_PRUNINGS = (
    select(
        # As text: whoever tampered may have put a month there that no calendar of ours has.
        func.coalesce(cast(log_pruning.c.month, Text), text_literal("no month")).label("month"),
        *log_pruning.c["access", "leaf"],
        sealed_leaf.c.index.label("place"),
        sealed_leaf.c.hash,
    )
    .outerjoin(sealed_leaf, sealed_leaf.c.access == log_pruning.c.access)
    .order_by(log_pruning.c.month)
)
