"""Loading what a batch touches: one statement for each kind of thing, however many events there are."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from partners.feed.events import Content, Event
from partners.feed.loading.activity import load_relations, load_spending, load_traffic
from partners.feed.loading.members import load_held, load_members, load_stamps
from partners.feed.loading.named import load_campaigns, load_models, load_webmasters
from partners.feed.loading.purchases import load_purchases, load_totals
from partners.feed.loading.usernames import load_names
from partners.feed.state import State
from partners.feed.touched import Touched
from partners.keyring import Keyring


def load(connection: Connection, events: Sequence[Event[Content]], *, keyring: Keyring, now: datetime) -> State:
    """Return the state that the events are applied to; the rows of its members are locked."""
    touched = Touched(events)
    state = State(now, keyring, load_names(connection, touched.usernames(), keyring, now))
    load_members(connection, state, touched.members())
    load_stamps(connection, state, touched.stamped_members())
    load_held(connection, state, touched.holders())
    load_webmasters(connection, state, touched.webmasters())
    load_campaigns(connection, state, touched.campaigns())
    load_models(connection, state, touched.models())
    load_relations(connection, state, touched.pairs())
    load_spending(connection, state, touched.spending_pairs())
    load_purchases(connection, state, touched.purchases())
    load_totals(connection, state, touched)
    load_traffic(connection, state, touched.quarters())
    return state
