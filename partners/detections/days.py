"""Facts about days: how many members a partner got at, and how far its clients and models came through them."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cache, partial
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, case, cast, func, or_, select, update
from sqlalchemy.types import Double

from partners.detections import rules
from partners.detections.asked import Asked, day_window
from partners.detections.suspicions import Day, Reach, Whom
from partners.sharing import shared_with_webmaster
from partners.tables.activity import model, relation
from partners.tables.detections import EVERY, client_seen, partner_day
from partners.tables.member import member
from partners.tables.partner import partner
from partners.vocabulary import Detection

d = partner_day.c
_WHOLE = and_(d.client == EVERY, d.model == EVERY)
_PART = or_(d.client != EVERY, d.model != EVERY)


def volumes(connection: Connection, asked: Asked) -> Iterator[Day]:
    """Each day on which a partner got at many members, and the days before it."""
    statement: Select[Any] = select(d.partner, d.day, d.members, partner.c.kind).join(
        partner, partner.c.id == d.partner
    )
    crowded = statement.where(_WHOLE, d.day >= asked.since.date(), d.members >= rules.FEWEST_MEMBERS)
    known_since = _known_since(connection)
    of_kind = cache(partial(_members_of_kind, connection))
    for row in connection.execute(crowded).all():
        first = row.day - rules.BASELINE
        is_known = known_since[row.partner] <= first
        before = _members_by_day(connection, row, first) if is_known else []
        of_all = of_kind(row.kind, row.day) if len(before) < rules.FEWEST_DAYS else []
        whom = Whom(row.partner)
        yield Day(
            whom,
            day_window(row.day),
            row.members,
            before,
            [each.members for each in of_all if each.partner != row.partner],
            asked.floor(Detection.VOLUME, whom),
        )


def reaches(connection: Connection, asked: Asked) -> Iterator[Reach]:
    """Each day on which a client or a model came far, and whether that is a habit."""
    statement = select(partner_day, partner.c.kind).join(partner, partner.c.id == d.partner)
    known_since, of_peers = _known_since(connection), dict[tuple[str, date], float]()
    for row in connection.execute(statement.where(_PART, d.day >= asked.since.date(), _is_sweep())).all():
        first = row.day - rules.BASELINE
        own = and_(d.partner == row.partner, d.client == row.client, d.model == row.model)
        habit = _habit(connection, own, row.day)
        if habit is None or known_since[row.partner] > first:
            if (row.kind, row.day) not in of_peers:
                of_kind = d.partner.in_(select(partner.c.id).where(partner.c.kind == row.kind))
                of_peers[row.kind, row.day] = _habit(connection, and_(_PART, of_kind), row.day) or 0.0
            habit = max(habit or 0.0, of_peers[row.kind, row.day])
        whom = Whom(row.partner, row.client or None, row.model or None)
        yield Reach(
            whom,
            day_window(row.day),
            row.members,
            row.reachable,
            row.steps_up,
            row.steps_down,
            habit,
            asked.floor(Detection.SWEEP, whom),
        )


def ask_what_is_reachable(connection: Connection, asked: Asked) -> None:
    """Count, once for each client or model and day, the members that there are for it."""
    referred = (
        select(func.count())
        .where(member.c.webmaster == partner.c.number, partner.c.id == d.partner, shared_with_webmaster())
        .scalar_subquery()
    )
    met = select(func.count()).where(relation.c.model == model.c.number, model.c.id == d.model).scalar_subquery()
    unasked = and_(_PART, d.day >= asked.since.date(), d.members >= rules.FEWEST_MEMBERS, d.reachable.is_(None))
    key = {f"of_{name}": d[name] for name in ("partner", "client", "model", "day")}
    reachable = case((d.model != EVERY, met), else_=referred).label("found")
    asked_of = select(*(column.label(name) for name, column in key.items()), reachable).where(unasked)
    # Counted before anything is written: what has written once holds the sequencer back until it ends.
    counted = [row._asdict() for row in connection.execute(asked_of)]
    if counted:
        of_key = (column == bindparam(name) for name, column in key.items())
        connection.execute(update(partner_day).where(*of_key).values(reachable=bindparam("found")), counted)


def misses_by_day(connection: Connection, of: str, day: date) -> list[int]:
    """Look-ups of strangers on each active day before one."""
    statement = select(d.missed).where(d.partner == of, _WHOLE, d.day < day, d.day >= day - rules.BASELINE)
    return list(connection.execute(statement).scalars())


def _known_since(connection: Connection) -> Mapping[str, date]:
    statement = select(client_seen.c.partner, func.min(client_seen.c.first_at)).group_by(client_seen.c.partner)
    found: dict[str, date] = defaultdict(lambda: date.max)
    return found | {name: first.date() for name, first in connection.execute(statement)}


def _members_by_day(connection: Connection, row: Row[Any], first: date) -> list[int]:
    statement = select(d.members).where(d.partner == row.partner, _WHOLE, d.day >= first, d.day < row.day)
    return list(connection.execute(statement.where(d.members > 0)).scalars())


def _members_of_kind(connection: Connection, kind: str, day: date) -> Sequence[Row[Any, Any]]:
    statement = select(d.partner, d.members).join(partner, partner.c.id == d.partner).where(partner.c.kind == kind)
    before = and_(d.day >= day - rules.BASELINE, d.day < day)
    return connection.execute(statement.where(_WHOLE, before, d.members > 0)).all()


def _is_sweep() -> Any:  # noqa: ANN401 - a condition
    """The condition of the rule, loosely, over stored days."""
    steps = d.steps_up + d.steps_down
    wide = and_(d.members >= rules.FEWEST_MEMBERS, d.reachable > 0, d.members >= rules.SWEEP_SHARE * d.reachable)
    in_order = and_(steps >= rules.FEWEST_STEPS, func.greatest(d.steps_up, d.steps_down) > rules.ONE_WAY * steps)
    return or_(wide, in_order)


def _habit(connection: Connection, whose: Any, day: date) -> float | None:  # noqa: ANN401 - a condition
    """The share of days before with a sweep; None where there were too few."""
    swept = func.coalesce(func.sum(case((_is_sweep(), 1), else_=0)), 0)
    statement = select(func.count(), cast(swept, Double)).where(whose, d.day < day, d.day >= day - rules.BASELINE)
    days, sweeps = connection.execute(statement).one()
    return sweeps / days if days >= rules.FEWEST_DAYS else None
