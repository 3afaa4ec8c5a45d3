"""The spool of a process: one wait for the disk for many, and every fault of the disk told in time."""

import os
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import time_machine

from partners.keyring import Keyring
from partners.spool import file as files
from partners.spool.framing import key_of
from partners.spool.reading import Kept, Torn, extents, read
from partners.spool.spool import HANGS_AFTER_S, Spool, SpoolError
from tests.conftest import SECRET

KEY = key_of(Keyring(SECRET))
IN_TIME_S = 5.0


@pytest.fixture
def lost() -> list[str]:
    """Names of files that somebody else removed or changed."""
    return []


@pytest.fixture
def spool(tmp_path: Path, lost: list[str]) -> Spool:
    return Spool(tmp_path, KEY, lost.append)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure is followed by the next attempt at once."""
    monkeypatch.setattr(files, "AGAIN_AFTER_S", 0.0)


def keep(spool: Spool, *names: str, within_s: float = IN_TIME_S) -> None:
    spool.keep([name.encode() for name in names], within_s=within_s)


def kept(directory: Path) -> list[str]:
    found = (each for extent in extents(directory) for each in read(extent, KEY))
    return [each.leaf.decode() for each in found if isinstance(each, Kept)]


def test_records_are_on_the_disk_when_the_call_returns(spool: Spool, tmp_path: Path) -> None:
    keep(spool, "one", "two")
    assert kept(tmp_path) == ["one", "two"]
    keep(spool, "three")
    assert kept(tmp_path) == ["one", "two", "three"]
    assert len(extents(tmp_path)) == 1


def test_many_wait_for_the_disk_together(spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []

    def slow(descriptor: int) -> None:
        waits.append(descriptor)
        time.sleep(0.05)

    monkeypatch.setattr(os, "fdatasync", slow)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: keep(spool, f"r{number}"), range(64)))

    assert sorted(kept(tmp_path)) == sorted(f"r{number}" for number in range(64))
    assert len(waits) < 20


def delete(path: Path) -> None:
    path.unlink()


def replace(path: Path) -> None:
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole)


def move(path: Path) -> None:
    path.rename(path.with_suffix(".away"))


def exchange(path: Path) -> None:
    path.rename(path.with_suffix(".away"))
    path.write_bytes(path.with_suffix(".away").read_bytes())


def truncate(path: Path) -> None:
    os.truncate(path, 0)


def add(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"forged\n")


@pytest.mark.parametrize("change", [delete, replace, move, exchange, truncate, add])
def test_a_file_that_is_no_longer_there_is_told_and_another_begun(
    spool: Spool, tmp_path: Path, lost: list[str], change: Any
) -> None:
    keep(spool, "one")
    (first,) = extents(tmp_path)
    change(first.path)

    keep(spool, "two")

    assert lost == [first.path.name]
    (second,) = [extent for extent in extents(tmp_path) if extent.path != first.path]
    assert list(read(second, KEY)) == [Kept(b"two")]


def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "mount", KEY, lambda _: None)

    with pytest.raises(SpoolError, match="No such file or directory"):
        keep(spool, "one")

    assert not (tmp_path / "mount").exists()


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """No file can grow beyond a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("at_once")
def test_a_full_disk_is_an_error_and_ends_the_file(spool: Spool, tmp_path: Path) -> None:
    keep(spool, "one")
    (first,) = extents(tmp_path)

    with full_after(first.size + 20), pytest.raises(SpoolError, match="File too large"):
        keep(spool, "two")
    with full_after(20), pytest.raises(SpoolError):
        keep(spool, "two")
    with full_after(20), pytest.raises(SpoolError):
        spool.keep((), within_s=IN_TIME_S)
    keep(spool, "three")

    (again, second) = extents(tmp_path)
    assert list(read(again, KEY)) == [Kept(b"one"), Torn(first.path)]
    assert list(read(second, KEY)) == [Kept(b"three")]


def test_after_a_failure_the_disk_is_left_alone_for_a_second(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "mount", KEY, lambda _: None)
    with pytest.raises(SpoolError):
        keep(spool, "one")
    (tmp_path / "mount").mkdir()

    with pytest.raises(SpoolError, match="No such file or directory"):
        keep(spool, "two")
    time.sleep(files.AGAIN_AFTER_S)
    keep(spool, "three")

    assert kept(tmp_path / "mount") == ["three"]


@pytest.mark.slow
def test_a_disk_that_hangs_holds_nobody_up(spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on, sync = Event(), os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (goes_on.wait(), sync(descriptor)))
    begun = time.monotonic()
    with pytest.raises(SpoolError, match="did not answer in time"):
        keep(spool, "one", within_s=HANGS_AFTER_S + 0.1)
    assert time.monotonic() - begun < HANGS_AFTER_S + 0.5

    begun = time.monotonic()
    with pytest.raises(SpoolError, match="hangs"):
        keep(spool, "two")
    with pytest.raises(SpoolError, match="hangs"):
        spool.keep((), within_s=IN_TIME_S)
    assert time.monotonic() - begun < 0.5

    goes_on.set()
    until = time.monotonic() + IN_TIME_S
    while time.monotonic() < until and "three" not in kept(tmp_path):
        try:
            keep(spool, "three")
        except SpoolError:
            time.sleep(0.01)
    assert kept(tmp_path) == ["one", "three"]


def test_each_day_has_a_file_of_its_own(spool: Spool, tmp_path: Path) -> None:
    for day in ("2026-11-01T23:59:59", "2026-11-02T00:00:01"):
        with time_machine.travel(f"{day}Z", tick=False):
            keep(spool, day)

    assert [f"{extent.day}" for extent in extents(tmp_path)] == ["2026-11-01", "2026-11-02"]
    assert kept(tmp_path) == ["2026-11-01T23:59:59", "2026-11-02T00:00:01"]


def test_nothing_is_left_of_a_trial(spool: Spool, tmp_path: Path) -> None:
    spool.keep((), within_s=IN_TIME_S)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_forked_process_has_a_file_of_its_own_and_waits_for_nothing_of_its_parent_s(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, sync = Event(), os.fdatasync
    keep(spool, "one")
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (goes_on.wait(), sync(descriptor)))
    with ThreadPoolExecutor(2) as pool:
        for name in ("two", "three"):
            pool.submit(keep, spool, name, within_s=2 * IN_TIME_S)
            time.sleep(HANGS_AFTER_S / 2 + 0.1)
        child = os.fork()
        if child == 0:
            try:
                goes_on.set()
                keep(spool, "of the child")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        goes_on.set()

    by_file = [list(read(extent, KEY)) for extent in extents(tmp_path)]
    assert by_file == [[Kept(b"one"), Kept(b"two"), Kept(b"three")], [Kept(b"of the child")]]
