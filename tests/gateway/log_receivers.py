"""Security tools as they are: a web server that takes, refuses, hangs or dies, and a syslog server behind TLS."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook

from tests.serializers.syslog_reading import read_cef, read_frames

Answer = tuple[int, dict[str, str]]
TAKEN: Answer = (204, {})
DIES = -1
"""In place of a status: the connection ends without an answer."""


@dataclass
class Tool:
    """A web server that verifies what is posted to it, and dedupes by index as the documents tell it to."""

    url: str = ""
    secret: str = ""
    answer: Callable[[dict[str, Any]], Answer] = lambda _: TAKEN
    hangs: Event | None = None
    ids: list[str] = field(default_factory=list)
    """Of everything that came."""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    """What was taken."""

    @property
    def indexes(self) -> list[int]:
        """The indexes of everything taken, in order, each where it came first."""
        said = [entry for body in self.bodies for entry in body["data"].get("entries", ())]
        return list(dict.fromkeys(entry.get("index", entry.get("metadata", {}).get("sequence")) for entry in said))

    def take(self, headers: dict[str, str], octets: bytes) -> Answer:
        body: dict[str, Any] = Webhook(self.secret).verify(octets, headers)
        self.ids.append(headers["webhook-id"])
        if self.hangs is not None:
            self.hangs.wait(timeout=30)
        status, more = self.answer(body)
        if status == TAKEN[0]:
            self.bodies.append(body)
        return status, more


@contextmanager
def tool() -> Iterator[Tool]:
    """A tool on a port of this machine, for as long as the block runs."""
    made = Tool()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            octets = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers = made.take(dict(self.headers.items()), octets)
            if status == DIES:
                self.close_connection = True
                return
            with suppress(OSError):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}/siem"
    with _serving(server):
        yield made
        if made.hangs is not None:
            made.hangs.set()


@contextmanager
def _serving(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Syslog:
    """A syslog server behind TLS: each connection's octets once it has ended."""

    port: int
    farewell: bool = True
    """Whether it ends connections as TLS asks for."""
    reads: bool = True
    streams: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"syslog+tls://localhost:{self.port}"

    @property
    def events(self) -> list[dict[str, str]]:
        """The extensions of all events, in order."""
        return [read_cef(text)[1] for stream in self.streams for _, text in read_frames(stream)]

    def serve(self, listener: socket.socket, tls: ssl.SSLContext) -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            with raw, suppress(OSError):
                self._talk(raw, tls)

    def _talk(self, raw: socket.socket, tls: ssl.SSLContext) -> None:
        raw.settimeout(10)
        line = tls.wrap_socket(raw, server_side=True, suppress_ragged_eofs=False)
        with line:
            if not self.reads:
                return
            stream = b""
            with suppress(ssl.SSLZeroReturnError):
                while octets := line.recv(65_536):
                    stream += octets
            self.streams.append(stream)
            if self.farewell:
                line.unwrap()


@contextmanager
def syslog(directory: Path) -> Iterator[Syslog]:
    """A syslog server on a port of this machine; `ca.pem` in the directory is what it is known by."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate(directory))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Syslog(listener.getsockname()[1])
        thread = Thread(target=made.serve, args=(listener, tls))
        thread.start()
        try:
            yield made
        finally:
            # A thread that accepts does not notice that its socket is closed.
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def certificate(directory: Path, name: str = "localhost") -> Path:
    """Write a key and a certificate of its own for a name and this machine's address; return the file of both."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = [x509.DNSName(name), *([x509.IPAddress(ip_address("127.0.0.1"))] if name == "localhost" else [])]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    (directory / "ca.pem").write_bytes(public)
    (directory / "both.pem").write_bytes(private + public)
    return directory / "both.pem"
