"""Which form of a list the caller asks for: JSON page by page, or the whole as lines (contract §3)."""

from flask import request

from gateway.envelope import JSON
from serializers.lines import Form

MEDIA_TYPES = {Form.NDJSON: "application/x-ndjson", Form.CSV: "text/csv"}


def form_wanted() -> Form | None:
    """The form that the caller prefers to JSON by its `Accept` (RFC 9110), or None: JSON is the usual answer."""
    best = max(Form, key=lambda form: _quality(MEDIA_TYPES[form]))
    return best if _quality(MEDIA_TYPES[best]) > _quality(JSON) else None


def _quality(media_type: str) -> float:
    """How much the caller wants a media type, by the most specific range that it is in; parameters do not matter."""
    kind = media_type.partition("/")[0]
    for wanted in (media_type, f"{kind}/*", "*/*"):
        qualities = [quality for value, quality in request.accept_mimetypes if _range(value) == wanted]
        if qualities:
            return max(qualities)
    return 0.0


def _range(value: str) -> str:
    return value.partition(";")[0].strip().lower()
