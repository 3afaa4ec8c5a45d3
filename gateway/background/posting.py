"""Posting to addresses that partners gave: to the public internet alone, encrypted, in time, and never on elsewhere."""

import asyncio
import socket
import ssl
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import httpx
from standardwebhooks import Webhook

DEADLINE_S = 10.0
"""From the look-up of the name to the status of the answer."""
LONGEST_URL = 2_000
LOCALHOST = "localhost"
Address = IPv4Address | IPv6Address
_HOLDING_IPV4 = tuple(map(IPv6Network, ("64:ff9b::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "::/96")))
"""Networks in whose last 32 bits an address of IPv4 stands (RFC 6052, RFC 4291 §2.5.5, RFC 2765)."""
_TRANSLATED_HERE = IPv6Network("64:ff9b:1::/48")
"""What is translated within a network of one's own (RFC 8215)."""


class UnsafeAddressError(ValueError):
    """An address that nothing is sent to; the message says why."""


@dataclass(frozen=True)
class Target:
    """An address taken apart."""

    url: str
    host: str
    port: int
    encrypted: bool

    @property
    def is_here(self) -> bool:
        """Whether it names this very machine, in so many words."""
        literal = _literal(self.host)
        return self.host == LOCALHOST or (literal is not None and literal.is_loopback)


def target_of(url: str) -> Target:
    """Take an address apart; raise `UnsafeAddressError` unless it is `https`, or this very machine's."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UnsafeAddressError("not a URL") from None
    if port == 0 or not url.isprintable() or " " in url:
        raise UnsafeAddressError("not a URL")
    if parts.scheme not in {"https", "http"} or not parts.hostname or not url.isascii() or len(url) > LONGEST_URL:
        raise UnsafeAddressError("not an https URL")
    if not _is_name(parts.hostname):
        raise UnsafeAddressError("not a host's name")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise UnsafeAddressError("a URL with a user or a fragment")
    target = Target(url, parts.hostname, port or {"https": 443, "http": 80}[parts.scheme], parts.scheme == "https")
    if not target.encrypted and not target.is_here:
        raise UnsafeAddressError("only https is sent to, but for this very machine")
    return target


def _is_name(host: str) -> bool:
    """Whether a name can be looked up at all: its labels have 1 to 63 characters."""
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return True


@dataclass(frozen=True)
class Reply:
    """What an answer says that matters."""

    status: int
    retry_after: str | None


def post(url: str, body: bytes, headers: dict[str, str], *, private: bool, deadline_s: float = DEADLINE_S) -> int:
    """Post and return the status of the answer, whatever it says besides.

    `private` lets names lead to addresses that are not public. Raises `UnsafeAddressError`, `TimeoutError`, `OSError`
    or `httpx.HTTPError`.
    """
    return ask(url, body, headers, private=private, deadline_s=deadline_s).status


def ask(
    url: str,
    body: bytes,
    headers: dict[str, str],
    *,
    private: bool,
    deadline_s: float = DEADLINE_S,
    tls: ssl.SSLContext | None = None,
) -> Reply:
    """Post as `post` does, and return what the answer says; `tls` is for who trusts others than usual."""
    request = _Post(target_of(url), body, headers, tls or trusting(None))
    return asyncio.run(_send(request, private=private, deadline_s=deadline_s))


@cache
def trusting(authorities: str | None) -> ssl.SSLContext:
    """Trust in these authorities (PEM) alone, or in the system's; kept, for they take longer to read than a post."""
    return ssl.create_default_context(cadata=authorities)


@dataclass(frozen=True)
class _Post:
    target: Target
    body: bytes
    headers: dict[str, str]
    tls: ssl.SSLContext


async def _send(request: _Post, *, private: bool, deadline_s: float) -> Reply:
    target = request.target
    async with asyncio.timeout(deadline_s):
        address = await _address_of(target, private=private)
        # To the address that was looked at, not to what the name may mean a moment later.
        pinned = httpx.URL(target.url).copy_with(host=str(address))
        named = {"Host": httpx.URL(target.url).netloc.decode(), **request.headers}
        # Neither proxies nor credentials of the environment, and no redirect.
        async with (
            httpx.AsyncClient(
                trust_env=False, follow_redirects=False, timeout=deadline_s, verify=request.tls
            ) as client,
            client.stream(
                "POST", pinned, content=request.body, headers=named, extensions={"sni_hostname": target.host}
            ) as answer,
        ):
            return Reply(answer.status_code, answer.headers.get("Retry-After"))


async def _address_of(target: Target, *, private: bool) -> Address:
    found = await asyncio.wrap_future(_look_up(target))
    addresses = [ip_address(str(sockaddr[0])) for *_, sockaddr in found]
    unfit = [each for each in addresses if not _may_be_sent_to(each, target, private=private)]
    if unfit or not addresses:
        raise UnsafeAddressError("the name leads to an address that is not public")
    return addresses[0]


def _look_up(target: Target) -> Future[list[Any]]:
    """Ask the resolver in a thread that nobody waits for: `asyncio.run` waits for its own, however late they are."""
    found: Future[list[Any]] = Future()
    # From here on nobody cancels it: who asked may be gone by the time that it is told.
    found.set_running_or_notify_cancel()

    def ask_resolver() -> None:
        try:
            found.set_result(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            found.set_exception(error)

    Thread(target=ask_resolver, daemon=True).start()
    return found


def _may_be_sent_to(address: Address, target: Target, *, private: bool) -> bool:
    if target.is_here:
        return address.is_loopback
    if private:
        return True
    if isinstance(address, IPv6Address) and (address.is_site_local or address in _TRANSLATED_HERE):
        return False
    reached = _reached_by(address)
    return reached.is_global and not reached.is_multicast


def _reached_by(address: Address) -> Address:
    """Where an address leads to in the end: one of IPv6 may hold one of IPv4."""
    if isinstance(address, IPv4Address):
        return address
    if any(address in network for network in _HOLDING_IPV4):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour or address


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def acknowledged(status: int) -> bool:
    """Whether an answer says that it was received: any 2xx, and nothing else."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES


def signed_headers(message_id: str, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of a Standard Webhook; while a secret is rotated both sign."""
    sent_at = datetime.fromtimestamp(int(time.time()), UTC)
    signatures = (Webhook(secret).sign(message_id, sent_at, body.decode()) for secret in secrets)
    return {
        "content-type": "application/json",
        "user-agent": "member-data-gateway",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
