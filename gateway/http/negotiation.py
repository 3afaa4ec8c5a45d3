"""Which form of a list the caller asks for: JSON page by page, or the whole as lines (contract §3)."""

from functools import lru_cache

from flask import request
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from gateway.http.envelope import JSON
from serializers.lines import Form

MEDIA_TYPES = {Form.NDJSON: "application/x-ndjson", Form.CSV: "text/csv"}
MOST_REMEMBERED = 64


def form_wanted() -> Form | None:
    """The form that the caller prefers to JSON by its `Accept` (RFC 9110), or None: JSON is the usual answer."""
    return _form(request.headers.get("Accept", ""))


@lru_cache(maxsize=MOST_REMEMBERED)
def _form(accept: str) -> Form | None:
    ranges = parse_accept_header(accept, MIMEAccept)
    best = max(Form, key=lambda form: _quality(ranges, MEDIA_TYPES[form]))
    return best if _quality(ranges, MEDIA_TYPES[best]) > _quality(ranges, JSON) else None


def _quality(ranges: MIMEAccept, media_type: str) -> float:
    """How much the caller wants a media type, by the most specific range that it is in; parameters do not matter."""
    kind = media_type.partition("/")[0]
    for wanted in (media_type, f"{kind}/*", "*/*"):
        qualities = [quality for value, quality in ranges if _range(value) == wanted]
        if qualities:
            return max(qualities)
    return 0.0


def _range(value: str) -> str:
    return value.partition(";")[0].strip().lower()
