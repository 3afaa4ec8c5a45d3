"""Where requests are counted: in the process, or in Redis and in the process while that is gone."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

from limits.storage import MemoryStorage, RedisStorage
from structlog import get_logger

from gateway.settings import REDIS_SCHEMES

T = TypeVar("T")
IN_PROCESS = "process"
SILENCE_S = 1
"""How long Redis is not asked again after it did not answer."""
MOST_WINDOWS = 10_000
"""So many are held before those in which nothing is left are forgotten."""
log = get_logger(__name__)


@dataclass
class _Window:
    seconds: int
    taken: deque[float] = field(default_factory=deque)

    def forget(self, now: float) -> None:
        while self.taken and self.taken[0] <= now - self.seconds:
            self.taken.popleft()


class ProcessStorage(MemoryStorage):
    """Exact moving windows without threads: the library's own starts one a hundred times a second, to forget."""

    STORAGE_SCHEME = [IN_PROCESS]  # noqa: RUF012 - how the library finds it

    def __init__(self, *_: object, **__: object) -> None:
        """Begin with nothing counted."""
        super().__init__()
        self._windows: dict[str, _Window] = {}
        self._lock = Lock()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` more, unless that would be more than `limit` within `expiry` seconds."""
        with self._lock:
            # A clock that is set must neither lock callers out nor let them in.
            now = time.monotonic()
            window = self._window(key, expiry, now)
            if len(window.taken) + amount > limit:
                return False
            window.taken.extend([now] * amount)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - the library's own signature
        """When the oldest was counted (Unix seconds), and how many there are."""
        with self._lock:
            now = time.monotonic()
            taken = self._window(key, expiry, now).taken
            return time.time() - (now - taken[0] if taken else 0), len(taken)

    def _window(self, key: str, seconds: int, now: float) -> _Window:
        if key not in self._windows and len(self._windows) >= MOST_WINDOWS:
            for window in self._windows.values():
                window.forget(now)
            self._windows = {held: window for held, window in self._windows.items() if window.taken}
        window = self._windows.setdefault(key, _Window(seconds))
        window.forget(now)
        return window


class SharedStorage(RedisStorage):
    """Counts in Redis; while it does not answer each process for itself: nobody is let in or kept out for that."""

    STORAGE_SCHEME = [f"{IN_PROCESS}+{scheme}" for scheme in REDIS_SCHEMES]  # noqa: RUF012 - how the library finds it

    def __init__(self, uri: str, **options: Any) -> None:
        """Take Redis' address, with `process+` before it."""
        super().__init__(uri.removeprefix(f"{IN_PROCESS}+"), **options)
        self._own = ProcessStorage()
        self._silent_until = -math.inf

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` more, unless that would be more than `limit` within `expiry` seconds."""
        return self._asked(
            lambda: super(SharedStorage, self).acquire_entry(key, limit, expiry, amount),
            lambda: self._own.acquire_entry(key, limit, expiry, amount),
        )

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest was counted (Unix seconds), and how many there are."""
        return self._asked(
            lambda: super(SharedStorage, self).get_moving_window(key, limit, expiry),
            lambda: self._own.get_moving_window(key, limit, expiry),
        )

    def _asked(self, shared: Callable[[], T], own: Callable[[], T]) -> T:
        if time.monotonic() >= self._silent_until:
            try:
                return shared()
            except self.base_exceptions as error:
                log.warning("redis_silent", error=type(error).__name__)
                self._silent_until = time.monotonic() + SILENCE_S
        return own()
