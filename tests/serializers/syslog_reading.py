"""What a receiver makes of what it reads: frames (RFC 5425), messages (RFC 5424) and CEF, each by its own text."""

import re
from datetime import datetime

_MESSAGE = re.compile(r"(<\d{1,3}>1) (\S+) ([!-~]{1,255}) ([!-~]{1,48}) (-) ([!-~]{1,32}) (-) (.*)", re.DOTALL)
_KEY = re.compile(r"(?:^| )([A-Za-z0-9]+)=")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def read_frames(octets: bytes) -> list[tuple[tuple[str, ...], str]]:
    """Split what came over a connection into messages: the fields of each head, and the text."""
    messages = []
    while octets:
        length, _, rest = octets.partition(b" ")
        assert re.fullmatch(rb"[1-9]\d*", length), length
        assert len(rest) >= int(length)
        found = _MESSAGE.fullmatch(rest[: int(length)].decode())
        assert found, rest[: int(length)]
        *head, text = found.groups()
        assert datetime.fromisoformat(head[1]).tzinfo is not None
        messages.append((tuple(head), text))
        octets = rest[int(length) :]
    return messages


def read_cef(text: str) -> tuple[list[str], dict[str, str]]:
    """The seven fields of an event's header, and its extension with what is labelled under its label."""
    *head, extension = _marked(text).split("|", maxsplit=7)
    fields = [_unmarked(field) for field in head]
    pieces = _KEY.split(extension)
    told = {key: _unmarked(value) for key, value in zip(pieces[1::2], pieces[2::2], strict=True)}
    labels = {key: label for key, label in told.items() if key.endswith("Label")}
    for key, label in labels.items():
        del told[key]
        told[label] = told.pop(key.removesuffix("Label"))
    return fields, told


def _marked(text: str) -> str:
    """Put every escaped character out of sight, so that what is left of `|` and `=` means something."""
    return _ESCAPED.sub(lambda found: chr(0xF0000 + ord(found[1])), text)


def _unmarked(text: str) -> str:
    breaks = {"n": "\n", "r": "\r"}
    shown = (chr(ord(c) - 0xF0000) if ord(c) >= 0xF0000 else c for c in text)
    return "".join(breaks.get(each, each) if ord(c) >= 0xF0000 else each for each, c in zip(shown, text, strict=True))
