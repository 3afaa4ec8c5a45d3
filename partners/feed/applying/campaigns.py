"""Applying the clicks of campaigns."""

from partners.feed.activity_state import TrafficState
from partners.feed.events import Event, TrafficCounted
from partners.feed.state import State


def count_traffic(state: State, event: Event[TrafficCounted]) -> None:
    """Replace a quarter hour's clicks, unless later ones are known (contract §2)."""
    content = event.content
    number = state.campaign(content.webmaster, content.campaign)
    known = state.traffic.setdefault((number, content.slot), TrafficState(number, content.slot))
    if event.stamp > known.stamp:
        known.clicks, known.unique_clicks = content.clicks, content.unique_clicks
        known.stamp = event.stamp
        known.changed = True
