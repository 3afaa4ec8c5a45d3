"""Writing back what a batch changed and brought, in sets."""

from sqlalchemy import Connection

from partners.feed.state import State
from partners.feed.writing.activity import write_facts, write_models, write_relations, write_spending, write_traffic
from partners.feed.writing.events import write_applied
from partners.feed.writing.members import write_held, write_members, write_profiles, write_stamps, write_totals
from partners.feed.writing.usernames import write_former


def write(connection: Connection, state: State) -> None:
    """Write everything; models and members first, because the rest needs their numbers."""
    write_models(connection, state)
    write_members(connection, state)
    write_profiles(connection, state)
    write_totals(connection, state)
    write_stamps(connection, state)
    write_held(connection, state)
    write_former(connection, state)
    write_relations(connection, state)
    write_spending(connection, state)
    write_traffic(connection, state)
    write_facts(connection, state)
    write_applied(connection, state)
