"""What became of a feed: how many lines were applied, repeated and rejected, and why."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from partners.feed.faults import Fault

MOST_ERRORS = 1_000


@dataclass(frozen=True)
class LineError:
    """A rejected line: its number, the event's id if one could be read, and what is wrong."""

    line: int
    id: str | None
    fault: Fault


@dataclass
class Report:
    """Counts of lines; of the errors the first thousand are kept, all are counted (contract §2)."""

    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    errors: list[LineError] = field(default_factory=list)

    def reject(self, error: LineError) -> None:
        """Count a rejected line."""
        self.rejected += 1
        self._keep((error,))

    def add(self, other: "Report") -> None:
        """Count what came after this."""
        self.accepted += other.accepted
        self.duplicates += other.duplicates
        self.rejected += other.rejected
        self._keep(other.errors)

    def _keep(self, errors: Iterable[LineError]) -> None:
        self.errors += list(errors)[: MOST_ERRORS - len(self.errors)]
