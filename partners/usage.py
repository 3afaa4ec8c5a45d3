"""How long usage data is kept: 120 days after the last purchase, or after the registration of who never bought."""

from datetime import timedelta

from sqlalchemy import ColumnElement, DateTime, Interval, and_, bindparam, literal_column

from partners.tables.activity import action
from partners.tables.member import member, purchase_total

KEPT_FOR = timedelta(days=120)
RULES_NOW = bindparam("now", type_=DateTime(timezone=True))
"""The instant by which rules are judged."""

_KEPT_FOR = literal_column(f"interval '{KEPT_FOR.days} days'", Interval)


def usage_still_kept() -> ColumnElement[bool]:
    """R36, R37: at 120 days it is there, a second later it is not."""
    return purchase_total.c.usage_clock_at + _KEPT_FOR >= RULES_NOW


def device_still_kept() -> ColumnElement[bool]:
    """R36: kept, and not lapsed before a later purchase: what has lapsed stays withheld for good."""
    return and_(usage_still_kept(), member.c.device_seen_at >= purchase_total.c.usage_kept_from)


def action_not_lapsed() -> ColumnElement[bool]:
    """R36 for one action: a new purchase covers only what is seen after it."""
    return action.c.at >= purchase_total.c.usage_kept_from
