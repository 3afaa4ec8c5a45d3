"""Reading bodies that have to fit into memory."""

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

LARGEST_OF_ANYBODY = 64 << 10
"""Bytes that are read of a body before its sender is known: a form, or what is posted to the authorization server."""


def whole_body(request: Request, most: int, *, kept: bool = False) -> bytes:
    """Return the body; raise 413 for one of more than `most` bytes, with a length or without.

    `kept`, it is there for whoever reads it as a form. Werkzeug itself cuts a body without a length off.
    """
    request.max_content_length = most + 1
    body = request.get_data(cache=kept)
    if len(body) > most:
        raise RequestEntityTooLarge
    return body
