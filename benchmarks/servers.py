"""The servers that are measured, each in processes of its own: the gateway, and the floors under the same settings."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from gateway.serving.server import IDLE_S, THREADS
from gateway.serving.worker import PATIENCE_S, Worker
from partners.vocabulary import Work

START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 60
UNLIMITED = "1000000/minute"


@contextmanager
def gateway(
    database_url: str,
    secret_key: str,
    data_dir: Path,
    *,
    workers: int,
    seals: bool = True,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[int]:
    """Run a real `gateway serve`, which also seals the log and detects, or leaves that to another; yield its port.

    `more` are settings besides.
    """
    own = {
        "GATEWAY_DATABASE_URL": database_url,
        "GATEWAY_SECRET_KEY": secret_key,
        "GATEWAY_DATA_DIR": str(data_dir),
        **{f"GATEWAY_LIMIT_{work.upper()}": UNLIMITED for work in Work},
        **more,
    }
    with _free_port() as reserved:
        port: int = reserved.getsockname()[1]
    beside = () if seals else ("--no-seal", "--no-detect")
    arguments = ("-m", "gateway.cli", "serve", "--port", str(port), "--workers", str(workers), *beside)
    with _running(arguments, own, data_dir / "gateway.log", port):
        yield port


@contextmanager
def floor(name: str, database_url: str, data_dir: Path, *, workers: int, served_alike: bool) -> Iterator[int]:
    """Run a floor under gunicorn with the gateway's settings, and its worker if `served_alike`; yield its port."""
    with _free_port() as reserved:
        port: int = reserved.getsockname()[1]
    kind = f"{Worker.__module__}.{Worker.__qualname__}" if served_alike else "gthread"
    settings = ("--worker-class", kind, "--threads", str(THREADS), "--workers", str(workers))
    kept = (
        "--keep-alive",
        str(IDLE_S),
        "--timeout",
        str(2 * PATIENCE_S),
        "--no-control-socket",
        "--bind",
        f"127.0.0.1:{port}",
    )
    arguments = ("-m", "gunicorn", *settings, *kept, f"benchmarks.floors:{name}")
    with _running(arguments, {"FLOOR_URL": database_url}, data_dir / f"{name}.log", port):
        yield port


def _free_port() -> socket.socket:
    reserved = socket.socket()
    reserved.bind(("127.0.0.1", 0))
    return reserved


@contextmanager
def _running(arguments: Sequence[str], own: Mapping[str, str], log: Path, port: int) -> Iterator[None]:
    foreign = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own servers
            [sys.executable, *arguments], env={**foreign, **own}, stdout=output, stderr=output
        )
    try:
        _wait_for(port, process, log)
        yield
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_S)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"a server did not start: {log.read_text()}")
