"""How what an exception says is told to people."""

_BEGINNINGS = frozenset({"a", "an", "key", "no", "nothing", "only", "people", "the", "there", "tokens"})
"""What sentences begin with; other words at their beginning are ids, which stay as they are."""


def sentence(text: str) -> str:
    """Return what an exception says as a sentence."""
    begun = text[:1].upper() + text[1:] if text.partition(" ")[0] in _BEGINNINGS else text
    return begun if begun.endswith(".") else f"{begun}."


def kind_of(error: BaseException) -> str:
    """Return the class of what went wrong, the driver's where it was the database: a message can quote values."""
    return type(getattr(error, "orig", None) or error).__name__
