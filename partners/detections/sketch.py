"""HyperLogLog: how many different members were seen, to about two per cent, in two kilobytes, without naming any."""

import math
import zlib
from collections.abc import Iterable

BITS = 11
REGISTERS = 1 << BITS
_ALPHA = 0.7213 / (1 + 1.079 / REGISTERS)
_LINEAR_UP_TO = 2.5 * REGISTERS


class Sketch:
    """A set that only knows its size; adding what it has changes nothing, so it may be filled piece by piece."""

    def __init__(self, stored: bytes | None = None) -> None:
        """Begin empty, or with what was stored."""
        self._ranks = bytearray(zlib.decompress(stored)) if stored else bytearray(REGISTERS)

    def add(self, registers: Iterable[tuple[int, int]]) -> None:
        """Add members that are told by register and rank, as `partners.detections.entries.REGISTERS_OF` does."""
        for register, rank in registers:
            self._ranks[register] = max(rank, self._ranks[register])

    def stored(self) -> bytes:
        """What to store; a few members take a few bytes."""
        return zlib.compress(bytes(self._ranks), 1)

    def size(self) -> int:
        """How many there are, about."""
        empty = self._ranks.count(0)
        estimate = _ALPHA * REGISTERS**2 / sum(2.0**-rank for rank in self._ranks)
        if estimate <= _LINEAR_UP_TO and empty:
            estimate = REGISTERS * math.log(REGISTERS / empty)
        return round(estimate)
