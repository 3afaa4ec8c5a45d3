"""Nothing is sent into the gateway's own network, unencrypted, on to somewhere else, or for longer than it may take."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest

from gateway.background.posting import UnsafeAddressError, acknowledged, ask, post, signed_headers, target_of, trusting
from partners.secrets import for_webhooks
from tests.gateway.log_receivers import certificate
from tests.gateway.receiver import receiving


@pytest.mark.parametrize(
    "url",
    [
        "http://partner.example/hook", "ftp://partner.example", "https://", "//partner.example", "partner.example",
        "https://user:secret@partner.example/", "https://partner.example/#part", "https://partner.example:99999/",
        "http://127.0.0.1.partner.example/", "http://169.254.169.254/", "https://partner.example/" + "x" * 2_000,
        "https://pärtner.example/", "file:///etc/passwd", "https://[::1",
        "https://partner.example:0/", "https://partner.example /x", "https://partner.example/\r\nx",
        "https://hooks..partner.example/", f"https://{'x' * 64}.example/",
    ],
)  # fmt: skip
def test_addresses_that_nothing_is_sent_to(url: str) -> None:
    with pytest.raises(UnsafeAddressError):
        target_of(url)


@pytest.mark.parametrize(
    "host",
    ["10.0.0.1", "192.168.1.1", "169.254.169.254", "0", "100.64.0.1", "[fd00::1]", "[::ffff:10.0.0.1]",
     "[::ffff:127.0.0.1]", "[2002:a00:1::1]", "224.0.0.1", "[ff02::1]", "[::]", "2130706433", "0x7f000001", "127.1",
     "[64:ff9b::a00:1]", "[64:ff9b:1::7f00:1]", "[fec0::1]", "[::7f00:1]", "[::ffff:0:10.0.0.1]"],
)  # fmt: skip
def test_private_addresses_are_refused_however_they_are_written(host: str) -> None:
    with pytest.raises(UnsafeAddressError):
        post(f"https://{host}/", b"", {}, private=False)


def test_a_name_that_leads_here_is_refused_unless_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name's owner may point it anywhere, also after it was looked at: what was looked at is what is sent to."""
    looked_up: list[str] = []

    def lead_here(host: str, port: int, *_: object, **__: object) -> list[tuple[object, ...]]:
        looked_up.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with receiving() as receiver:
        port = receiver.url.rpartition(":")[2]
        monkeypatch.setattr(socket, "getaddrinfo", lead_here)
        with pytest.raises(UnsafeAddressError):
            post(f"https://rebound.example:{port}", b"{}", {}, private=False)
        # Allowed, it gets as far as the receiver, which does not speak TLS.
        with pytest.raises(Exception, match=r"(?i)ssl"):
            post(f"https://rebound.example:{port}", b"{}", {}, private=True)
        assert looked_up == ["rebound.example"] * 2
        assert receiver.paths == []


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("https://mixed.example/", ["10.0.0.1", "8.8.8.8"]),
        ("https://mixed.example/", ["8.8.8.8", "10.0.0.1"]),
        ("http://localhost/", ["8.8.8.8"]),
        ("https://nowhere.example/", []),
    ],
)
def test_every_address_that_a_name_leads_to_has_to_be_fit(
    monkeypatch: pytest.MonkeyPatch, host: str, addresses: list[str]
) -> None:
    """And what names this very machine has to lead here: it may be sent to unencrypted."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)

    with pytest.raises(UnsafeAddressError):
        post(host, b"", {}, private=False)


def test_only_who_has_a_certificate_of_the_name_is_sent_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate(tmp_path, "hooks.example"))
    trusting = ssl.create_default_context(cafile=tmp_path / "ca.pem")
    with receiving(tls) as receiver:
        receiver.secret = for_webhooks()
        port = int(receiver.url.removesuffix("/hook").rpartition(":")[2])
        here = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [here])

        def send(host: str, trusted: ssl.SSLContext | None) -> int:
            headers = signed_headers("ntc_1", b"{}", [receiver.secret])
            return ask(f"https://{host}:{port}/", b"{}", headers, private=True, tls=trusted).status

        for host, trusted in (("hooks.example", None), ("another.example", trusting)):
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                send(host, trusted)
        assert receiver.paths == []
        assert send("hooks.example", trusting) == 204


def test_authorities_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Any] = []
    make = ssl.create_default_context
    monkeypatch.setattr(ssl, "create_default_context", lambda **which: (read.append(which), make(**which))[1])
    trusting.cache_clear()
    with receiving() as receiver:
        receiver.secret = for_webhooks()
        for _ in range(3):
            post(receiver.url, b"{}", signed_headers("ntc_1", b"{}", [receiver.secret]), private=False)

    assert read == [{"cadata": None}]


def test_nothing_goes_by_a_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would look the name up once more, and connect to whatever it finds."""
    with receiving() as receiver, receiving() as proxy:
        receiver.secret = for_webhooks()
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)

        assert post(receiver.url, b"{}", signed_headers("ntc_1", b"{}", [receiver.secret]), private=False) == 204
        assert (receiver.paths, proxy.paths) == (["/hook"], [])


@contextmanager
def dripping() -> Iterator[str]:
    """A server that never stops sending headers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                try:
                    while True:
                        connection.sendall(b"X: y\r\n")
                        time.sleep(0.02)
                except OSError:
                    pass

        thread = Thread(target=drip)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        thread.join()


def test_whoever_drips_is_left_when_time_is_up() -> None:
    with dripping() as url:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            post(url, b"{}", {}, private=False, deadline_s=0.3)

        assert time.monotonic() - began < 2


def test_a_name_whose_look_up_takes_long_is_left_when_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = Event()

    def look_up(*_: object, **__: object) -> list[tuple[object, ...]]:
        answered.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    began = time.monotonic()
    try:
        with pytest.raises(TimeoutError):
            post("https://partner.example/", b"{}", {}, private=False, deadline_s=0.3)
        assert time.monotonic() - began < 2
    finally:
        answered.set()


def test_only_what_says_that_it_was_received_acknowledges() -> None:
    assert [status for status in range(100, 600) if acknowledged(status)] == list(range(200, 300))
