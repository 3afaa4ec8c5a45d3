"""JSON as the gateway writes it: compact, and instants in UTC with `Z` (RFC 3339)."""

from typing import Any

import orjson

_OPTIONS = orjson.OPT_UTC_Z


def json_of(document: Any) -> bytes:  # noqa: ANN401 - whatever JSON can say, dates and instants
    """A document's bytes."""
    return orjson.dumps(document, option=_OPTIONS)


def json_line_of(document: Any) -> bytes:  # noqa: ANN401 - whatever JSON can say, dates and instants
    """The same with a line feed."""
    return orjson.dumps(document, option=_OPTIONS | orjson.OPT_APPEND_NEWLINE)
