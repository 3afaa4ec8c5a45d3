"""Loading relations, spending added up, and traffic."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, DateTime, Row, Select, and_, select

from partners.feed.activity_state import RelationState, SpendingState, TrafficState
from partners.feed.member_state import MemberState
from partners.feed.model_state import ModelState
from partners.feed.parameters import as_rows, rows_of
from partners.feed.state import State
from partners.tables.activity import relation, spending_total, traffic

Pairs = Collection[tuple[str, str]]
_PAIRS = rows_of(model=BigInteger(), member=BigInteger())
_QUARTERS = rows_of(campaign=BigInteger(), slot=DateTime(timezone=True))


def _of_pairs(model: Column[int], member: Column[int], *more: Column[Any]) -> Select[Any]:
    """Select from a table what is stored about pairs of a model and a member."""
    return select(model, member, *more).join(_PAIRS, and_(model == _PAIRS.c.model, member == _PAIRS.c.member))


_RELATIONS = _of_pairs(
    relation.c.model,
    relation.c.member,
    relation.c.favorite,
    relation.c.favorite_stamp,
    relation.c.fan_club,
    relation.c.fan_club_stamp,
    relation.c.gift_sent,
    relation.c.privately_chatted,
)
_SPENDING = _of_pairs(
    spending_total.c.model,
    spending_total.c.member,
    spending_total.c.feature,
    spending_total.c.count,
    spending_total.c.credits,
    spending_total.c.first_at,
    spending_total.c.last_at,
)
_TRAFFIC = select(traffic).join(
    _QUARTERS, and_(traffic.c.campaign == _QUARTERS.c.campaign, traffic.c.slot == _QUARTERS.c.slot)
)


def load_relations(connection: Connection, state: State, wanted: Pairs) -> None:
    """Load what members have to do with models."""
    for row, model, member in _rows_of_pairs(connection, _RELATIONS, state, wanted):
        state.relations[model.id, member.id] = RelationState(model, member, *row[2:])


def load_spending(connection: Connection, state: State, wanted: Pairs) -> None:
    """Load what members have spent with models, by feature."""
    for row, model, member in _rows_of_pairs(connection, _SPENDING, state, wanted):
        state.spending[model.id, member.id, row.feature] = SpendingState(model, member, row.feature, *row[3:])


def load_traffic(connection: Connection, state: State, wanted: Iterable[tuple[str, str, datetime]]) -> None:
    """Load quarter hours by webmaster, campaign and start."""
    quarters = [
        {"campaign": state.campaigns[webmaster, code], "slot": slot}
        for webmaster, code, slot in wanted
        if (webmaster, code) in state.campaigns
    ]
    if not quarters:
        return
    for row in connection.execute(_TRAFFIC, as_rows(quarters)).all():
        clicks = (row.clicks, row.unique_clicks)
        state.traffic[row.campaign, row.slot] = TrafficState(
            row.campaign, row.slot, *clicks, stamp=row.stamp, before=clicks
        )


def _rows_of_pairs(
    connection: Connection, statement: Select[Any], state: State, wanted: Pairs
) -> Iterator[tuple[Row[Any], ModelState, MemberState]]:
    """Yield what is stored about models and members who are both stored themselves."""
    models = {state.models[model].number: state.models[model] for model, _ in wanted if model in state.models}
    members = {state.members[member].number: state.members[member] for _, member in wanted if member in state.members}
    pairs = [
        {"model": state.models[model].number, "member": state.members[member].number}
        for model, member in wanted
        if model in state.models and member in state.members
    ]
    if pairs:
        for row in connection.execute(statement, as_rows(pairs)).all():
            yield row, models[row.model], members[row.member]
