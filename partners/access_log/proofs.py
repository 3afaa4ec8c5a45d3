"""Proofs over the sealed log: that an entry stands in it, and that an older checkpoint is a newer one's beginning."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select

from partners.access_log import stored_checkpoints
from partners.access_log.checkpoints import Checkpoint, read_checkpoint
from partners.access_log.merkle import (
    BrokenProofError,
    Hash,
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_by_path,
)
from partners.access_log.notes import NoteError, bytes_of
from partners.access_log.pruning import Pruning, prunings
from partners.access_log.records import Entry, differences
from partners.access_log.stored import rows_between
from partners.access_log.tree import BrokenTreeError, StoredTree
from partners.access_log.trust import Trust
from partners.tables.sealing import sealed_leaf

HEADER = "c2sp.org/tlog-proof@v1"
_EXTRA, _INDEX = "extra ", "index "


@dataclass(frozen=True)
class Inclusion:
    """That an entry stands in the log."""

    index: int
    path: Sequence[Hash]
    note: str
    """The checkpoint that the path leads to."""

    def file(self, leaf: bytes | None) -> str:
        """A `.tlog-proof` (C2SP tlog-proof) with the entry's exact bytes as its extra data: whole by itself.

        Without them, because the record was let go, it proves the hash of whatever is held against it.
        """
        hashes = "".join(f"{b64encode(each).decode()}\n" for each in self.path)
        extra = "" if leaf is None else f"extra {b64encode(leaf).decode()}\n"
        return f"{HEADER}\n{extra}index {self.index}\n{hashes}\n{self.note}"


class ChangedEntryError(BrokenTreeError):
    """What there is of an entry does not lead to what was signed."""

    def __str__(self) -> str:
        """What is wrong."""
        return "the entry is not what was sealed"


def prove_inclusion(connection: Connection, index: int, leaf: Hash) -> Inclusion | None:
    """Prove by the newest checkpoint that an entry has a hash; None where it covers none. Raise `BrokenTreeError`."""
    newest = stored_checkpoints.newest(connection)
    if newest is None or index >= newest.size:
        return None
    path = inclusion_path(index, newest.size, StoredTree(connection).subtree)
    try:
        signed = read_checkpoint(newest.note)
        is_proved = root_by_path(index, signed.size, leaf, path) == signed.root
    except (NoteError, BrokenProofError):
        is_proved = False
    if not is_proved:
        raise ChangedEntryError
    return Inclusion(index, path, newest.note)


def sealed_as(connection: Connection, access: UUID) -> tuple[int, Hash] | None:
    """The index and hash that an entry was sealed with; its record may be gone."""
    found = select(sealed_leaf.c.index, sealed_leaf.c.hash).where(sealed_leaf.c.access == access)
    for place, sealed in connection.execute(found):
        return place, sealed
    return None


def said_against(connection: Connection, index: int, now: datetime) -> Iterator[str]:
    """In what a record is not what its sealed bytes tell, as a verification says it; raise `UnreadableError`."""
    let_go = _let_go(connection)
    for entry in map(Entry._make, rows_between(connection, index, index + 1)):
        if any(month.covers(entry.place, entry.at) for month in let_go):
            # Its month's tables go one after the other: what stands beside the bytes may be gone before them.
            continue
        if entry.leaf is None:
            yield "it is sealed at another instant"
        else:
            yield from (text for _, text in differences(entry, now))


def _let_go(connection: Connection) -> list[Pruning]:
    with suppress(NoteError):
        return prunings(connection)
    return []


def prove_consistency(connection: Connection, old: int, new: int) -> list[Hash]:
    """Prove the log of `old` entries to be the beginning of that of `new`; raise `BrokenTreeError`."""
    return consistency_path(old, new, StoredTree(connection).subtree)


def check_proof(text: str, trust: Trust, entry: bytes | None) -> tuple[Checkpoint, int, bytes]:
    """Check a `.tlog-proof` of the entry that it has with it, or of one that is given.

    Return checkpoint, index and the entry's exact bytes. Raise `NoteError` or `BrokenProofError`.
    """
    head, _, note = text.partition("\n\n")
    checkpoint = trust.open(note)
    header, *lines = head.split("\n")
    extra = lines.pop(0) if lines and lines[0].startswith(_EXTRA) else None
    leaf = bytes_of(extra.removeprefix(_EXTRA)) if extra and entry is None else entry
    index, hashes = lines[0] if lines else "", lines[1:]
    if header != HEADER or not index.startswith(_INDEX) or not index.removeprefix(_INDEX).isdecimal():
        raise NoteError("this is not a proof")
    if leaf is None:
        raise NoteError("the proof has no entry with it")
    place = int(index.removeprefix(_INDEX))
    if root_by_path(place, checkpoint.size, leaf_hash(leaf), list(map(bytes_of, hashes))) != checkpoint.root:
        raise BrokenProofError
    return checkpoint, place, leaf
