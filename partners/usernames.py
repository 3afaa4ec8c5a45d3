"""Usernames: how they are compared, which are possible, and which could identify a person."""

import unicodedata


def fold(username: str) -> str:
    """What uniqueness and look-ups compare: NFC, then Unicode casefold (contract §9)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", username).casefold())
