"""Files of the spool: what is written is read, and whatever was done to a file is told where it was done."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from partners.keyring import Keyring
from partners.spool.file import File
from partners.spool.framing import day_of_file, key_of, name_of_file
from partners.spool.reading import Damage, Kept, SpoolUnreadableError, Torn, extents, read
from tests.conftest import SECRET

KEY = key_of(Keyring(SECRET))
LEAVES = [b'{"id": "acc_%d", "name": "b\\n\xc3\xa4"}' % number for number in range(5)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of five records, written in two turns."""
    file = File(tmp_path, KEY)
    file.append(LEAVES[:2])
    file.append(LEAVES[2:])
    file.close()
    return file.path


def found(path: Path, key: bytes = KEY) -> list[object]:
    (extent,) = extents(path.parent)
    return list(read(extent, key))


def test_what_is_written_is_read_and_nobody_else_may(path: Path) -> None:
    assert found(path) == [Kept(leaf) for leaf in LEAVES]
    assert path.stat().st_mode & 0o777 == 0o600
    assert day_of_file(path.name) == datetime.now(UTC).date()


def test_a_line_that_broke_off_at_the_end_is_no_change(path: Path) -> None:
    whole = path.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    for missing in (1, 20, len(last) - 1):
        path.write_bytes(whole[:-missing])
        assert found(path) == [*map(Kept, LEAVES[:-1]), Torn(path)]


def test_a_file_whose_heading_broke_off_has_nothing(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:30])

    assert found(path) == [Torn(path)]


def edited(lines: list[bytes]) -> None:
    lines[2] = lines[2].replace(b"acc_1", b"acc_9")


def removed(lines: list[bytes]) -> None:
    del lines[2]


def added(lines: list[bytes]) -> None:
    lines.insert(2, lines[1])


def garbled(lines: list[bytes]) -> None:
    lines[2] = b"not a line of ours\n"


def swapped(lines: list[bytes]) -> None:
    lines[2], lines[3] = lines[3], lines[2]


def beheaded(lines: list[bytes]) -> None:
    del lines[0]


@pytest.mark.parametrize(
    ("change", "damaged", "kept"),
    [
        (edited, (3, 3), 4),
        (removed, (3, 3), 3),
        (added, (3, 3), 5),
        (garbled, (3, 4), 3),
        (swapped, (3, 5), 2),
        (beheaded, (1, 2), 3),
    ],
)
def test_whatever_is_done_between_lines_is_told(
    path: Path, change: Callable[[list[bytes]], None], damaged: tuple[int, int], kept: int
) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    change(lines)
    path.write_bytes(b"".join(lines))

    told = found(path)

    assert [each for each in told if isinstance(each, Damage)] == [Damage(path, *damaged)]
    assert len([each for each in told if isinstance(each, Kept)]) == kept


def test_a_file_of_another_secret_or_under_another_name_is_one_finding(path: Path) -> None:
    other = key_of(Keyring(SECRET + " or another"))
    assert found(path, other) == [Damage(path, 1, 6)]

    renamed = path.rename(path.with_name(name_of_file(datetime(2026, 1, 1, tzinfo=UTC), 7)))
    assert found(renamed) == [Damage(renamed, 1, 2), *map(Kept, LEAVES[1:])]


def test_only_what_was_there_when_somebody_began_to_look_is_read(path: Path) -> None:
    (extent,) = extents(path.parent)
    path.write_bytes(path.read_bytes() + b"more")

    assert list(read(extent, KEY)) == [Kept(leaf) for leaf in LEAVES]


def test_a_file_that_lost_its_end_meanwhile_is_damaged(path: Path) -> None:
    (extent,) = extents(path.parent)
    path.write_bytes(path.read_bytes().rpartition(b"\n")[0].rpartition(b"\n")[0] + b"\n")

    assert list(read(extent, KEY))[-1] == Damage(path, 6, 6)


def test_other_files_are_left_alone_and_no_directory_is_said(tmp_path: Path) -> None:
    (tmp_path / "access-log-2026.spool").touch()
    (tmp_path / "access-log-20261399T000000000000Z-1-0123456789abcdef.spool").touch()

    assert extents(tmp_path) == []
    assert day_of_file("access-log-20261101T000000000000Z-1-0123456789abcdef.spool") == date(2026, 11, 1)
    with pytest.raises(SpoolUnreadableError, match="is no directory"):
        extents(tmp_path / "nowhere")
