"""Where clients may call from, and where a tracker's users may be sent back to."""

import re
from collections.abc import Collection
from ipaddress import ip_network
from urllib.parse import urlsplit

from partners.registry import RegistryError
from partners.vocabulary import PartnerKind

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_LOOPBACK_WITH_PORT = re.compile(r"(?P<host>http://(?:127\.0\.0\.1|\[::1\])):[0-9]{1,5}(?P<rest>/.*)?")
"""Names are not taken: `localhost` may lead elsewhere."""


def network(text: str) -> str:
    """Return a network as the database writes it; a lone address is a network of one."""
    try:
        asked = ip_network(text)
    except ValueError:
        asked = None
    # A zone means something on one machine alone (RFC 4007 §11), and the database keeps none.
    if asked is None or "%" in text:
        raise RegistryError(f"{text} is no network such as 192.0.2.0/24 or 2001:db8::/48")
    return str(asked)


def redirect_uris(asked: tuple[str, ...], kind: PartnerKind) -> tuple[str, ...]:
    """Return the redirect URIs, each safe to send a user and a code to (RFC 9700 §2.1)."""
    if bool(asked) != (kind is PartnerKind.TRACKER):
        raise RegistryError("a tracker needs a redirect URI, and only a tracker has any")
    for uri in asked:
        if not _is_safe_redirect(uri):
            raise RegistryError(f"{uri} is no redirect URI: https (http on loopback only), no fragment, no user")
    return asked


def _is_safe_redirect(uri: str) -> bool:
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    printable = uri.isascii() and uri.isprintable() and not set(uri) & set(' "\\<>^`{|}')
    return secure and printable and bool(parts.hostname) and "#" not in uri and "@" not in parts.netloc


def is_registered(uri: str, registered: Collection[str]) -> bool:
    """Compare a redirect URI byte by byte; one registered on a loopback address without a port takes any (RFC 8252)."""
    if uri in registered:
        return True
    with_port = _LOOPBACK_WITH_PORT.fullmatch(uri)
    return with_port is not None and with_port["host"] + (with_port["rest"] or "") in registered
