"""Remembering which events were applied."""

from sqlalchemy import Connection

from partners.feed.parameters import as_rows
from partners.feed.state import State
from partners.feed.writing.sets import insert_rows
from partners.tables.activity import applied_event

_APPLIED = insert_rows(applied_event, ["digest"])


def write_applied(connection: Connection, state: State) -> None:
    """Remember the events of this batch; a repeat of one would break the key, and with it the batch."""
    if state.newly_applied:
        connection.execute(_APPLIED, as_rows([{"digest": digest} for digest in state.newly_applied]))
