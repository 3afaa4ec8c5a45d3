"""Texts in somebody's own words that tables and terminals show."""


def is_label(text: str, longest: int) -> bool:
    """Whether a text has 1 to so many printable characters, and not blanks alone: no line break, nothing to obey."""
    return len(text) <= longest and text.isprintable() and bool(text.strip())
