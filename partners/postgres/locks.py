"""The advisory locks, each with a key of its own in the one space of keys that a database has."""

from enum import Enum

from sqlalchemy import ColumnElement

from partners.postgres.literals import number_literal


class Lock(Enum):
    """What one process or transaction at a time does."""

    PREPARING = 0x50524550
    """Bring the database to this version."""
    PARTITIONING = 0x50415254
    """Make the log's partitions."""
    CHANGING_KEYS = 0x5349474E
    """Make signing keys, and change their state."""
    DETECTING = 0x44455443
    """Run the detections."""
    SEALING = 0x5345414C
    """Seal the log."""
    FEEDING = 7310592831445
    """Write events: the ledger's numbers are the order of its commits."""

    @property
    def key(self) -> ColumnElement[int]:
        """What a statement calls it by."""
        return number_literal(self.value)
