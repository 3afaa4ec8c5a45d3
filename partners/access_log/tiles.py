"""The tree as files that anybody can serve and check (C2SP tlog-tiles): tiles of 256 hashes, and the entries."""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import BigInteger, Connection, bindparam, select

from partners.access_log.checkpoints import read_checkpoint
from partners.access_log.pruning import prunings
from partners.access_log.stored_checkpoints import StoredCheckpoint
from partners.access_log.tree import TILE_HEIGHT, TILE_WIDTH, BrokenTreeError, StoredTree
from partners.files import replacing
from partners.tables.access import access_log
from partners.tables.sealing import sealed_leaf

_THOUSAND = 1_000
_SERVED = 0o666
"""Whoever the umask lets may read them: a web server of another login serves them."""


def export(connection: Connection, checkpoint: StoredCheckpoint, directory: Path, *, entries: bool) -> int:
    """Write the tree of a checkpoint below a directory, the checkpoint last; return how many files were new.

    Complete tiles that are there already stay. With `entries` the records' exact bytes too, for auditors alone; no
    bundle in which some were let go after their time. Raise `BrokenTreeError` where something else is missing, or
    `OSError`.
    """
    size, written = read_checkpoint(checkpoint.note).size, 0
    tree = StoredTree(connection)
    for level, number, width in _tiles(size):
        path = directory / "tile" / str(level) / _path(number, width)
        if not path.exists():
            written += _write(path, b"".join(_whole(tree.tile(level, number)[:width], width)))
            tree.forget()
    if entries:
        pruned = prunings(connection)
        for _, number, width in (tile for tile in _tiles(size) if tile[0] == 0):
            if any(number * TILE_WIDTH <= each.last and each.first < number * TILE_WIDTH + width for each in pruned):
                continue
            path = directory / "tile" / "entries" / _path(number, width)
            if not path.exists():
                written += _write(path, b"".join(_bundle(connection, number, width)))
    return written + _write(directory / "checkpoint", checkpoint.note.encode())


def _tiles(size: int) -> Iterator[tuple[int, int, int]]:
    """Level, number and width of every tile; the last of a level may be narrower."""
    level = 0
    while hashes := size >> level * TILE_HEIGHT:
        whole, rest = divmod(hashes, TILE_WIDTH)
        yield from ((level, number, TILE_WIDTH) for number in range(whole))
        if rest:
            yield level, whole, rest
        level += 1


def _path(number: int, width: int) -> str:
    """Groups of three digits, all but the last behind an `x`; and how wide a partial tile is."""
    groups = [f"{number % _THOUSAND:03}"]
    while number := number // _THOUSAND:
        groups.append(f"x{number % _THOUSAND:03}")
    path = "/".join(reversed(groups))
    return path if width == TILE_WIDTH else f"{path}.p/{width}"


def _whole(hashes: Sequence[bytes], width: int) -> Sequence[bytes]:
    if len(hashes) != width:
        raise BrokenTreeError
    return hashes


def _bundle(connection: Connection, number: int, width: int) -> Iterator[bytes]:
    first = number * TILE_WIDTH
    leaves = connection.execute(_ENTRIES, {"first": first, "end": first + width}).scalars().all()
    for leaf in _whole(leaves, width):
        yield struct.pack(">H", len(leaf)) + leaf


def _write(path: Path, content: bytes) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, mode=_SERVED) as file:
        file.write(content)
    return 1


_ENTRIES = (
    select(access_log.c.leaf)
    .join(sealed_leaf, (sealed_leaf.c.access == access_log.c.id) & (sealed_leaf.c.at == access_log.c.at))
    .where(
        sealed_leaf.c.index >= bindparam("first", type_=BigInteger),
        sealed_leaf.c.index < bindparam("end", type_=BigInteger),
    )
    .order_by(sealed_leaf.c.index)
)
