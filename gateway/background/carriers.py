"""Ways to a security tool: a signed post over HTTPS, or syslog over TLS; each ends in time and trusts no stranger."""

import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from gateway.background.posting import DEADLINE_S, UnsafeAddressError, acknowledged, ask, signed_headers, trusting
from partners.access_log.sinks import Sink
from partners.keyring import Keyring
from serializers.audit import StreamForm
from serializers.lines import Document
from serializers.siem import syslog
from serializers.siem.pushes import entries_body, heartbeat_body, message_id

SYSLOG = "syslog+tls"
SYSLOG_PORT = 6514
MOST_ADDRESSES = 4
"""Of a name that are tried within the time there is."""
LONGEST_RETRY_AFTER_S = 3_600.0
_REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY})
"""Answers that say something of what was sent; every other says something of the sink."""


@dataclass(frozen=True)
class Answer:
    """What became of an attempt."""

    is_taken: bool
    trouble: str = ""
    status: int | None = None
    retry_after_s: float = 0.0

    @property
    def is_refusal(self) -> bool:
        """Whether the sink would not take this, and may take something else."""
        return self.status in _REFUSALS


def carry(sink: Sink, entries: Sequence[Document], keyring: Keyring, *, log: str) -> Answer:
    """Take entries to a sink, or where there are none a sign of life; raise `OSError` or what `posting.ask` raises.

    Raise `InvalidTag` where a secret that signs was kept under another key.
    """
    tls = trusting(sink.authorities)
    if sink.url.startswith(SYSLOG):
        return _by_syslog(sink, entries, tls, log=log)
    secrets = tuple(keyring.unseal(each).decode() for each in sink.sealed_secrets)
    return _by_post(sink, entries, secrets, tls, log=log)


def syslog_address(url: str) -> tuple[str, int]:
    """Host and port of a `syslog+tls` address; raise `UnsafeAddressError`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or SYSLOG_PORT
    except ValueError:
        raise UnsafeAddressError("not a URL") from None
    if parts.scheme != SYSLOG or not host or not url.isascii() or url != f"{SYSLOG}://{parts.netloc}" or "@" in url:
        raise UnsafeAddressError(f"not an address such as {SYSLOG}://siem.example:{SYSLOG_PORT}")
    return host, port


def _by_post(
    sink: Sink, entries: Sequence[Document], secrets: tuple[str, ...], tls: ssl.SSLContext, *, log: str
) -> Answer:
    identifier, body = _message(sink, entries, log=log, now=datetime.now(UTC))
    # Operators choose sinks, and a SIEM usually stands in their own network.
    reply = ask(sink.url, body, signed_headers(identifier, body, secrets), private=True, tls=tls, deadline_s=DEADLINE_S)
    if acknowledged(reply.status):
        return Answer(is_taken=True)
    return Answer(
        is_taken=False, trouble=f"HTTP {reply.status}", status=reply.status, retry_after_s=_seconds(reply.retry_after)
    )


def _message(sink: Sink, entries: Sequence[Document], *, log: str, now: datetime) -> tuple[str, bytes]:
    if entries:
        identifier = message_id(log, entries[0]["index"], entries[-1]["index"])
        return identifier, entries_body(entries, StreamForm(sink.form), log=log, at=now)
    identifier = f"{message_id(log, sink.position, sink.position)}_{int(now.timestamp())}"
    return identifier, heartbeat_body(through=sink.position, log=log, at=now)


def _seconds(retry_after: str | None) -> float:
    """What `Retry-After` (RFC 9110) asks for, within reason; nothing where it cannot be read."""
    text = retry_after or ""
    try:
        asked = float(text) if text.isdecimal() else (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return 0.0
    return min(max(asked, 0.0), LONGEST_RETRY_AFTER_S)


def _by_syslog(sink: Sink, entries: Sequence[Document], tls: ssl.SSLContext, *, log: str) -> Answer:
    host = log.partition("/")[0].partition(":")[0]
    frames = [syslog.framed(entry, host) for entry in entries]
    frames = frames or [syslog.heartbeat(datetime.now(UTC), host, through=sink.position)]
    send(syslog_address(sink.url), b"".join(frames), tls, DEADLINE_S)
    return Answer(is_taken=True)


def send(address: tuple[str, int], octets: bytes, tls: ssl.SSLContext, deadline_s: float) -> None:
    """Send octets over TLS (RFC 5425), and wait until the other end has read them all.

    Syslog has no acknowledgement. But who is told that the connection ends, and ends it too, has read what came before:
    a connection with something unread in it would be reset. Raise `OSError`, of which `TimeoutError` is one.
    """
    until = time.monotonic() + deadline_s
    with (
        socket.create_connection(address, timeout=deadline_s / MOST_ADDRESSES) as connection,
        tls.wrap_socket(connection, server_hostname=address[0], do_handshake_on_connect=False) as line,
    ):
        _limit(line, until)
        line.do_handshake()
        left = memoryview(octets)
        while left:
            _limit(line, until)
            left = left[line.send(left) :]
        _limit(line, until)
        _end(line)


def _limit(line: ssl.SSLSocket, until: float) -> None:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    line.settimeout(left)


def _end(line: ssl.SSLSocket) -> None:
    try:
        line.unwrap()
    except ssl.SSLEOFError:
        # Some receivers end the connection without the farewell that TLS asks for.
        return
