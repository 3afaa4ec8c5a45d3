"""A witness file: the checkpoints that were seen, each the beginning of the next."""

from pathlib import Path

from sqlalchemy import Connection

from partners.access_log.checkpoints import Checkpoint
from partners.access_log.merkle import frontier_of
from partners.access_log.tree import BrokenTreeError, StoredTree
from partners.access_log.trust import Trust, read_witness


class ContradictionError(Exception):
    """The log shows a checkpoint that does not go on from what was seen; the message says where both are kept."""


def add(path: Path, note: str, trust: Trust, connection: Connection) -> bool:
    """Append a checkpoint that a trusted key signed and that goes on from all in the file; say if it was news.

    Raise `ContradictionError` where it does not; the note goes to a file beside it, as evidence. Raise `NoteError` or
    `OSError` where nothing can be said.
    """
    newest = trust.open(note)
    seen = read_witness(path, trust, None).seen
    if newest in seen:
        return False
    if not _goes_on(newest, [each for each in seen if each.origin == newest.origin], connection):
        evidence = path.with_name(f"{path.name}.contradiction")
        with evidence.open("a") as file:
            file.write(f"{note}\n")
        raise ContradictionError(f"the log does not go on from what {path} has seen; its checkpoint is in {evidence}")
    with path.open("a") as file:
        file.write(f"{note}\n")
    return True


def _goes_on(newest: Checkpoint, seen: list[Checkpoint], connection: Connection) -> bool:
    tree = StoredTree(connection)
    try:
        return all(
            each.size <= newest.size and frontier_of(each.size, tree.subtree).root() == each.root
            for each in (*seen[-1:], newest)
        )
    except BrokenTreeError:
        return False
