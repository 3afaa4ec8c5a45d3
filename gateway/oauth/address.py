"""The network address a request came from."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from flask import request


def caller_address() -> str | None:
    """Return the caller's address as the allow-lists mean it; nothing where a proxy named none that can be read."""
    return _normal(request.remote_addr or "")


@lru_cache
def _normal(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(address.packed))
    return str(address)
