"""The network address a request came from."""

from ipaddress import IPv6Address, ip_address

from flask import request


def caller_address() -> str | None:
    """Return the caller's address as the allow-lists mean it; nothing where a proxy named none that can be read."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(address.packed))
    return str(address)
