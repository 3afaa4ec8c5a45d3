"""A real `gateway serve` in processes of its own, over a test's database."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from partners.vocabulary import Work
from tests.conftest import SECRET


@dataclass
class Server:
    """A running server and its address."""

    process: subprocess.Popen[str]
    url: str

    def kill(self) -> None:
        """End every process of it at once, without a chance to say or write anything more."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate(timeout=30)


@contextmanager
def served(database_url: str, directory: Path, *, workers: int = 2, port: int = 0, **environ: str) -> Iterator[Server]:
    """Serve until the block ends; standard error goes to `serve.log` in the directory."""
    with (directory / "serve.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "serve", "--port", str(port), "--workers", str(workers), "--json"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
            env=os.environ
            | {"GATEWAY_DATABASE_URL": database_url, "GATEWAY_SECRET_KEY": SECRET, "GATEWAY_DATA_DIR": str(directory)}
            | {f"GATEWAY_LIMIT_{work.upper()}": "1000000/minute" for work in Work}
            | environ,
        )
    announced = _announced(process)
    assert "url" in announced, announced
    server = Server(process, announced["url"])
    try:
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                server.kill()
                raise


def free_port() -> int:
    """A port that nobody listens at, for a server whose address has to be known before it starts.

    Below those that outgoing connections are given: one of them could take it before the server does.
    """
    while True:
        port = secrets.choice(range(20_000, 32_000))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _announced(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The one JSON document that a server prints when it is ready; the pipe stays open after it."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.startswith("}"):
            document: dict[str, Any] = json.loads(text)
            return document
    raise AssertionError(f"the server did not start: {text}")
