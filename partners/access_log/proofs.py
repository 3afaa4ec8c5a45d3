"""Proofs over the sealed log: that an entry stands in it, and that an older checkpoint is a newer one's beginning."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, select

from partners.access_log import stored_checkpoints
from partners.access_log.checkpoints import Checkpoint
from partners.access_log.merkle import (
    BrokenProofError,
    Hash,
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_by_path,
)
from partners.access_log.notes import NoteError, bytes_of
from partners.access_log.tree import StoredTree
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


def prove_inclusion(connection: Connection, index: int) -> Inclusion | None:
    """Prove an entry by the newest checkpoint; None where none covers it. Raise `BrokenTreeError`."""
    newest = stored_checkpoints.newest(connection)
    if newest is None or index >= newest.size:
        return None
    return Inclusion(index, inclusion_path(index, newest.size, StoredTree(connection).subtree), newest.note)


def sealed_index(connection: Connection, access: UUID) -> int | None:
    """Where an entry stands; its record may be gone."""
    return connection.scalar(select(sealed_leaf.c.index).where(sealed_leaf.c.access == access))


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
