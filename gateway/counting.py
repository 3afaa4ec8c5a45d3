"""Counting requests in the process: the storage of Flask-Limiter where there is no Redis."""

import time
from collections import deque
from dataclasses import dataclass, field
from threading import Lock

from limits.storage import MemoryStorage

SCHEME = "process"
MOST_WINDOWS = 10_000
"""So many are held before those in which nothing is left are forgotten."""


@dataclass
class _Window:
    seconds: int
    taken: deque[float] = field(default_factory=deque)

    def forget(self, now: float) -> None:
        while self.taken and self.taken[0] <= now - self.seconds:
            self.taken.popleft()


class ProcessStorage(MemoryStorage):
    """Exact moving windows without threads: the library's own starts one a hundred times a second, to forget."""

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012 - how the library finds it

    def __init__(self, *_: object, **__: object) -> None:
        """Begin with nothing counted."""
        super().__init__()
        self._windows: dict[str, _Window] = {}
        self._lock = Lock()

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` more, unless that would be more than `limit` within `expiry` seconds."""
        with self._lock:
            now = time.time()
            window = self._window(key, expiry, now)
            if len(window.taken) + amount > limit:
                return False
            window.taken.extend([now] * amount)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - the library's own signature
        """When the oldest was counted (Unix seconds), and how many there are."""
        with self._lock:
            now = time.time()
            taken = self._window(key, expiry, now).taken
            return (taken[0] if taken else now), len(taken)

    def _window(self, key: str, seconds: int, now: float) -> _Window:
        if key not in self._windows and len(self._windows) >= MOST_WINDOWS:
            for window in self._windows.values():
                window.forget(now)
            self._windows = {held: window for held, window in self._windows.items() if window.taken}
        window = self._windows.setdefault(key, _Window(seconds))
        window.forget(now)
        return window
