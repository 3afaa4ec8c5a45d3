"""The platform's feed: events read as a stream, checked, and applied once each, in the order of their lines."""

from partners.feed.batches import Feed
from partners.feed.report import LineError, Report
from partners.feed.streams import apply_events, apply_stream

__all__ = ["Feed", "LineError", "Report", "apply_events", "apply_stream"]
