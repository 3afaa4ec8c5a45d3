"""Texts in somebody's own words that tables and terminals show, and the names by which things are called."""

import re

SLUG = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""What events, queries and operators name things by (contract §2)."""


def is_label(text: str, longest: int) -> bool:
    """Whether a text has 1 to so many printable characters, and not blanks alone: no line break, nothing to obey."""
    return len(text) <= longest and text.isprintable() and bool(text.strip())
