"""Writing models, relations, spending, traffic, and the rows that are only ever appended."""

from dataclasses import fields

from sqlalchemy import Connection, Insert, Table

from partners.feed.facts import Acting, Fact, LedgerEntry, Registration, Spending
from partners.feed.parameters import as_rows
from partners.feed.state import State
from partners.feed.writing.sets import insert_rows, upsert_rows
from partners.tables.activity import (
    action,
    ledger_entry,
    model,
    registration,
    relation,
    spending,
    spending_total,
    traffic,
)

_MODELS = upsert_rows(model, ["id"], ["name", "stamp"]).returning(model.c.id, model.c.number)
_RELATIONS = upsert_rows(
    relation,
    ["model", "member"],
    ["favorite", "favorite_stamp", "fan_club", "fan_club_stamp", "gift_sent", "privately_chatted"],
)
_SPENDING_TOTALS = upsert_rows(
    spending_total, ["model", "member", "feature"], ["count", "credits", "first_at", "last_at"]
)
_QUARTERS = upsert_rows(traffic, ["campaign", "slot"], ["clicks", "unique_clicks", "stamp"])


def _appending(kind: type[Fact], table: Table) -> Insert:
    """The fields of each kind of fact are the columns of its table."""
    return insert_rows(table, [field.name for field in fields(kind)])


_FACTS: dict[type[Fact], Insert] = {
    Registration: _appending(Registration, registration),
    LedgerEntry: _appending(LedgerEntry, ledger_entry),
    Acting: _appending(Acting, action),
    Spending: _appending(Spending, spending),
}


def write_models(connection: Connection, state: State) -> None:
    """Insert and rename models."""
    changed = [
        {"id": found.id, "name": found.name, "stamp": found.stamp} for found in state.models.values() if found.changed
    ]
    if changed:
        for row in connection.execute(_MODELS, as_rows(changed)).all():
            state.models[row.id].number = row.number


def write_relations(connection: Connection, state: State) -> None:
    """Write what members have to do with models."""
    changed = [found for found in state.relations.values() if found.changed]
    if changed:
        connection.execute(_RELATIONS, as_rows(changed))


def write_spending(connection: Connection, state: State) -> None:
    """Write spending added up."""
    changed = [found for found in state.spending.values() if found.changed]
    if changed:
        connection.execute(_SPENDING_TOTALS, as_rows(changed))


def write_traffic(connection: Connection, state: State) -> None:
    """Write the clicks of quarter hours."""
    changed = [found for found in state.traffic.values() if found.changed]
    if changed:
        connection.execute(_QUARTERS, as_rows(changed))


def write_facts(connection: Connection, state: State) -> None:
    """Append what happened, in the order of the events."""
    for kind, facts in state.facts().items():
        if facts:
            connection.execute(_FACTS[kind], as_rows(facts))
