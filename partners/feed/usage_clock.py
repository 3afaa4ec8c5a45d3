"""The clock of usage data: when it last started, and from when on what was seen is kept (R36, R37)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from partners.usage import KEPT_FOR


@dataclass(frozen=True)
class UsageClock:
    """The newest purchase, or the registration; and what ended the last gap of more than 120 days, if there was one."""

    at: datetime
    kept_from: datetime | None = None

    def keeps(self, seen_at: datetime, *, at: datetime) -> bool:
        """Whether at an instant nothing had lapsed of what was seen (R36)."""
        return at <= self.at + KEPT_FOR and (self.kept_from is None or seen_at >= self.kept_from)


def clock_over(registered_at: datetime, purchases: Iterable[datetime]) -> UsageClock:
    """Derive the clock from all purchases, refunded or not: the order in which they arrived does not matter."""
    bought = sorted(purchases)
    # Once somebody has bought, the purchases alone count, and the registration does not restart what they say.
    anchors = bought if bought and bought[0] <= registered_at else [registered_at, *bought]
    ends = [later for earlier, later in pairwise(anchors) if later - earlier > KEPT_FOR]
    return UsageClock(anchors[-1], ends[-1] if ends else None)


def advanced(clock: UsageClock, to: datetime) -> UsageClock:
    """Return the clock after a purchase that is later than every other, and than the registration."""
    return UsageClock(to, to if to - clock.at > KEPT_FOR else clock.kept_from)
