"""Figures over a stretch of the access log: how much, by whom, refused for what, and by which verdicts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    DateTime,
    Row,
    and_,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    text,
    tuple_,
)

from partners.access_log.subjects import members_in
from partners.access_log.summary import pairs_in
from partners.postgres.literals import number_literal
from partners.tables.access import access_log
from partners.tables.sealing import log_checkpoint, sealed_leaf
from partners.vocabulary import GIVEN

_IN_MEMORY = text("SET LOCAL work_mem = '32MB'")
"""Nobody has told the planner how many groups there are; it would rather sort every entry on the disk."""
_NOBODYS = ("audit.detect", "audit.raise")
"""What the gateway does of itself, under no name."""
_BY_HOUSE = and_(
    access_log.c.audience.is_(None),
    or_(access_log.c.client.is_not(None), access_log.c.partner.is_not(None), access_log.c.operation.in_(_NOBODYS)),
)
"""What the gateway and its operators do: to a partner, it is in the log under its name, and none of its own accesses.

Callers have an audience, and those without a token no name either.
"""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Sum(StrEnum):
    """What a row of `sums` is summed by, beside its outcome."""

    TIME = "time"
    PARTNER = "partner"
    REASON = "reason"


@dataclass(frozen=True)
class Stretch:
    """From an instant up to, not including, another, cut into hours or days."""

    since: datetime
    until: datetime
    step: timedelta

    def condition(self, partner: str | None = None) -> ColumnElement[bool]:
        """Entries of this stretch, or only those of a partner's own."""
        own = () if partner is None else (access_log.c.partner == partner, ~_BY_HOUSE)
        return and_(access_log.c.at >= self.since, access_log.c.at < self.until, *own)

    def slots(self) -> list[datetime]:
        """Where each hour or day begins."""
        count = -(-(self.until - self.since) // self.step)
        return [self.since + number * self.step for number in range(count)]

    def slot(self) -> ColumnElement[datetime]:
        """The beginning of an entry's hour or day; counted from the first, which needs no calendar."""
        return func.date_bin(self.step, access_log.c.at, self.since, type_=DateTime(timezone=True))


def sums(connection: Connection, within: Stretch, partner: str | None = None) -> list[Row[Any]]:
    """Count entries in one reading: by `slot`, by `partner` and by `reason`, each by outcome; `by` says which.

    What the gateway and its operators do is nobody's, and `by_house`.
    """
    slot = within.slot().label("slot")
    own = (case((~_BY_HOUSE, access_log.c.partner)).label("partner"), _BY_HOUSE.label("by_house"))
    columns = access_log.c["at", "audience", "reason", "outcome", "member_count"]
    entries = select(slot, *own, *columns).where(within.condition(partner)).subquery("entries").c
    # Summed up by everything first, for what is left is little: each set by itself would hash every entry again.
    facts = tuple(entries[name] for name in ("slot", "partner", "by_house", "audience", "reason", "outcome"))
    counts = (func.count().label("accesses"), func.coalesce(func.sum(entries.member_count), 0).label("members"))
    alike = select(*facts, *counts).group_by(*facts).subquery("alike").c
    sets = func.grouping_sets(
        tuple_(alike.slot, alike.outcome),
        tuple_(alike.partner, alike.by_house, alike.audience, alike.outcome),
        tuple_(alike.reason, alike.outcome),
    )
    is_by_time, is_by_reason = func.grouping(alike.slot) == 0, func.grouping(alike.reason) == 0
    by = case((is_by_time, Sum.TIME), (is_by_reason, Sum.REASON), else_=Sum.PARTNER)
    summed = (cast(func.sum(alike[name]), BigInteger).label(name) for name in ("accesses", "members"))
    told = (alike[fact.name] for fact in facts)
    connection.execute(_IN_MEMORY)
    return list(connection.execute(select(by.label("by"), *told, *summed).group_by(sets)))


def verdicts(connection: Connection, within: Stretch, partner: str | None = None) -> list[Row[Any]]:
    """Return how many disclosures each verdict made: `policy_version`, `operation`, `verdict`, `members`.

    A disclosure is one member in one access. Of one partner, each `slot` is told apart.
    """
    slot = (within.slot().label("slot"),) if partner is not None else ()
    columns = access_log.c["policy_version", "operation", "verdicts"]
    decided = (within.condition(partner), access_log.c.policy_version.is_not(None))
    alike = select(*slot, *columns, func.count().label("entries")).where(*decided).group_by(*slot, *columns)
    groups = alike.subquery("alike")
    pair = pairs_in(groups.c.verdicts, "pair")
    bits = cast(pair.c.value.op("->")(number_literal(0)), BigInteger)
    members = cast(pair.c.value.op("->")(number_literal(1)), BigInteger)
    told = [column for column in groups.c if column.name not in {"verdicts", "entries"}]
    return list(
        connection.execute(
            select(*told, bits.label("verdict"), func.sum(groups.c.entries * members).label("members"))
            .select_from(groups.join(pair, literal_column("true")))
            .group_by(*told, bits)
        )
    )


def members_given(connection: Connection, within: Stretch, partner: str) -> dict[datetime | None, int]:
    """Count the distinct members of whom something was given to a partner, by slot, and under None in all."""
    given = access_log.c.outcome.in_(GIVEN)
    entries = select(within.slot().label("slot"), access_log.c.at, access_log.c.id)
    members = members_in(entries.where(within.condition(partner), given).subquery("entries"))
    counted = select(members.c.slot, func.count(members.c.member.distinct()).label("members"))
    sets = func.grouping_sets(tuple_(members.c.slot), tuple_())
    return {row.slot: row.members for row in connection.execute(counted.group_by(sets))}


def sealed(connection: Connection) -> Row[Any] | None:
    """The newest checkpoint: `size`, `at` and `horizon`, and `sealed_up_to`, when its last entry was made."""
    newest = (
        select(*log_checkpoint.c["size", "at", "horizon", "number"]).order_by(log_checkpoint.c.number.desc()).limit(1)
    )
    held = newest.subquery("newest")
    last = select(sealed_leaf.c.at).where(sealed_leaf.c.index == held.c.size - 1).scalar_subquery()
    return connection.execute(select(held, last.label("sealed_up_to"))).one_or_none()
