"""For which time, and above which raised floors, habits are looked at."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from partners.detections.suspicions import Whom, Window
from partners.vocabulary import Detection

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Asked:
    """What to judge: every window that something was counted in since an instant."""

    since: datetime
    now: datetime
    floors: Mapping[tuple[Detection, Whom, str | None], float] = field(default_factory=dict)
    """By rule, whom and network, those that have not expired."""

    def floor(self, rule: Detection, whom: Whom, network: str | None = None) -> float:
        """What a false-positive mark raised, or nothing."""
        return self.floors.get((rule, whom, network), 0.0)


def day_window(day: date) -> Window:
    """A UTC day."""
    since = datetime.combine(day, time(), UTC)
    return Window(since, since + DAY)


def hour_window(hour: datetime) -> Window:
    """An hour from its first instant on."""
    return Window(hour, hour + HOUR)


def beginning_of_hour(instant: datetime) -> datetime:
    """The first instant of the hour."""
    return instant.replace(minute=0, second=0, microsecond=0)
