"""A file is replaced whole or not at all, and nobody reads it who was not meant to."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.demo import credentials
from gateway.demo.credentials import Credentials
from partners import files
from partners.access_log.stored_checkpoints import Anchor
from partners.files import replacing
from tests.conftest import NOW


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_was_there_is_replaced_and_forced_to_the_disk_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(
        files.os, "fsync", lambda number: synced.append(str(Path(f"/proc/self/fd/{number}").readlink()))
    )
    path = tmp_path / "file"
    path.write_text("old")

    with replacing(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"

    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]
    assert synced == [f"{path}.part", str(tmp_path)]


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_file_that_somebody_left_or_a_link_lends_it_nothing(tmp_path: Path, mode: int) -> None:
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "file"
    elsewhere.write_text("theirs")
    leaves: tuple[Callable[[Path], None], ...] = (Path.touch, lambda part: part.symlink_to(elsewhere))
    for leave in leaves:
        leave(tmp_path / "file.part")

        with replacing(path, mode=mode) as file:
            file.write(b"ours")

        assert (mode_of(path), path.read_text(), path.is_symlink()) == (mode, "ours", False)
        assert elsewhere.read_text() == "theirs"


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there_and_nothing_beside_it(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    with pytest.raises(error), replacing(path) as file:  # noqa: PT012 - what is written before is the point
        file.write(b"new")
        raise error

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()

    with pytest.raises(IsADirectoryError), replacing(tmp_path / "file") as file:
        file.write(b"new")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def remember(directory: Path) -> Path:
    anchor = Anchor(directory, "log.example")
    anchor.move("a note")
    return anchor.path


def hold(directory: Path) -> Path:
    credentials.write(directory, Credentials(NOW.date(), "", "", {}, "", {}))
    return directory / credentials.FILE


@pytest.mark.parametrize("write", [remember, hold])
def test_what_is_its_owners_alone_is_so_whatever_was_left_beside_it(
    tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    path = write(tmp_path)
    for name in (f"{path.name}.part", f"{path.stem}.part", f"{path.name}.new"):
        path.with_name(name).touch(mode=0o644)

    assert mode_of(write(tmp_path)) == 0o600
