"""Web addresses that mean the same (RFC 3986 §6.2): what a proof or a resource indicator names, and what is ours."""

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

_PORTS = {"http": 80, "https": 443}


class Place(NamedTuple):
    """Where an address leads, without its query and fragment; equal for every spelling of it."""

    scheme: str
    host: str
    port: int
    path: str


def well_known(issuer: str, path: str) -> str:
    """Return where an issuer's metadata stand: this path, then the issuer's own (RFC 8414 §3.1, RFC 9728 §3.1)."""
    parts = urlsplit(issuer)
    return f"{parts.scheme}://{parts.netloc}{path}{parts.path}"


def place_of(address: str) -> Place | None:
    """Return where an `http` or `https` address leads; nothing for all that is none."""
    # `urlsplit` takes blanks out of the middle of an address.
    if not address.isprintable() or " " in address:
        return None
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    port = _PORTS[parts.scheme] if port is None else port
    return Place(parts.scheme, parts.hostname, port, unquote(parts.path) or "/")
