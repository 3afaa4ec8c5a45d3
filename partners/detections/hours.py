"""Facts about hours and minutes: look-ups of strangers, refusals, and hours of the week that are not a partner's."""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, false, func, or_, select

from partners.detections import rules
from partners.detections.asked import HOUR, Asked, beginning_of_hour, hour_window
from partners.detections.days import misses_by_day
from partners.detections.entries import is_lookup, is_miss
from partners.detections.suspicions import Hour, Lookups, Refusals, Whom, Window
from partners.tables.access import access_log
from partners.tables.detections import client_seen, partner_hour
from partners.vocabulary import Detection

h = partner_hour.c
a = access_log.c
_WEEK = timedelta(days=7)
_AT_ONCE = 5_000
_INSTANT = timedelta(microseconds=1)


class Dense(NamedTuple):
    """A moment, and the ten minutes up to it."""

    at: datetime
    lookups: int
    misses: int


def lookups(connection: Connection, asked: Asked) -> Iterator[Lookups]:
    """For each client with many misses, the ten minutes in which there were the most."""
    since = beginning_of_hour(asked.since) - HOUR
    many = func.sum(h.missed) >= rules.FEWEST_MISSES
    statement: Select[Any] = (
        select(h.partner, h.client).where(h.hour >= since, h.missed > 0).group_by(h.partner, h.client)
    )
    for row in connection.execute(statement.having(many)).all():
        whom = Whom(row.partner, row.client)
        for found in _densest_of(connection, _lookups_of(row, asked)):
            yield Lookups(
                whom,
                Window(found.at - rules.ENUMERATION_WINDOW, found.at + _INSTANT),
                found.lookups,
                found.misses,
                misses_by_day(connection, row.partner, found.at.date()),
                asked.floor(Detection.ENUMERATION, whom),
            )


def refusals(connection: Connection, asked: Asked) -> Iterator[Refusals]:
    """Each hour in which a client was often refused."""
    often = and_(h.requests >= rules.FEWEST_REQUESTS, h.refused > rules.REFUSED_SHARE * h.requests)
    for row in connection.execute(select(partner_hour).where(h.hour >= beginning_of_hour(asked.since), often)).all():
        day = row.hour.replace(hour=0)
        before = and_(h.partner == row.partner, h.client == row.client, h.hour < day, h.hour >= day - rules.BASELINE)
        whom = Whom(row.partner, row.client)
        yield Refusals(
            whom,
            hour_window(row.hour),
            row.requests,
            row.refused,
            connection.execute(select(func.coalesce(func.max(h.refused), 0)).where(before)).scalar_one(),
            asked.floor(Detection.PROBING, whom),
        )


def hours(connection: Connection, asked: Asked) -> Iterator[Hour]:
    """Each hour in which a partner got at some members."""
    members = func.sum(h.members)
    known_since = select(func.min(client_seen.c.first_at)).where(client_seen.c.partner == h.partner).scalar_subquery()
    told = (members.label("members"), known_since.label("known_since"), _used_before().label("used_before"))
    statement = select(h.partner, h.hour, *told).group_by(h.partner, h.hour)
    some = statement.where(h.hour >= beginning_of_hour(asked.since)).having(members > rules.MEMBERS_IN_AN_HOUR)
    for row in connection.execute(some).all():
        whom = Whom(row.partner)
        yield Hour(
            whom,
            hour_window(row.hour),
            int(row.members),
            row.known_since,
            row.used_before,
            asked.floor(Detection.OFF_HOURS, whom),
        )


def _lookups_of(row: Row[Any], asked: Asked) -> Select[datetime, bool]:
    """Every look-up of a client since ten minutes before, and whether it was a miss."""
    began = asked.since - rules.ENUMERATION_WINDOW
    own = and_(a.partner == row.partner, a.client == row.client, a.at >= began, a.at < asked.now, is_lookup())
    return select(a.at, func.coalesce(is_miss(), false()).label("missed")).where(own).order_by(a.at, a.id)


def _densest_of(connection: Connection, lookups_of_one: Select[datetime, bool]) -> list[Dense]:
    with connection.execute(lookups_of_one, execution_options={"yield_per": _AT_ONCE}) as moments:
        return list(densest(moments))


def densest(moments: Iterable[tuple[datetime, bool]]) -> Iterator[Dense]:
    """Look back ten minutes from every moment; yield the one with the most misses, and what is an hour from it."""
    recent, misses, best = deque[tuple[datetime, bool]](), 0, None
    for at, missed in moments:
        recent.append((at, missed))
        misses += missed
        while recent[0][0] <= at - rules.ENUMERATION_WINDOW:
            misses -= recent.popleft()[1]
        if best is not None and at - best.at > rules.QUIET:
            yield best
            best = None
        if best is None or misses > best.misses:
            best = Dense(at, len(recent), misses)
    if best is not None:
        yield best


def _used_before() -> ColumnElement[bool]:
    """Whether there was any request in this hour of the week, or next to it, in the weeks before."""
    past = partner_hour.alias("past").c
    weeks = range(1, rules.WEEKS // _WEEK + 1)
    near = [past.hour.between(h.hour - n * _WEEK - HOUR, h.hour - n * _WEEK + HOUR) for n in weeks]
    return exists().where(past.partner == h.partner, or_(*near), past.requests > 0)
