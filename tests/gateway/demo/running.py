"""A real `gateway demo` in a process of its own, on a free port, with a data directory that goes with it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from gateway.cli import main

ENVIRONMENT = {"GATEWAY_DATABASE_URL", "GATEWAY_SECRET_KEY", "GATEWAY_ISSUER", "GATEWAY_TESTING", "GATEWAY_NOW"}


@dataclass(frozen=True)
class Demo:
    """A running demo and what it printed."""

    data_dir: str
    url: str
    lines: list[dict[str, str]]
    said: Path
    """What it says beside that, and its log."""

    def shell(self, command: str, *, shell: str = "sh") -> str:
        """Paste a line; return what it prints."""
        done = subprocess.run([shell, "-c", command], check=False, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def token(self, *arguments: str) -> str:
        """A token as another terminal gets it."""
        done = CliRunner(env={"GATEWAY_DATA_DIR": self.data_dir}).invoke(main, ["demo", "token", *arguments])
        assert done.exit_code == 0, done.output
        return done.stdout.strip()


@contextmanager
def demonstrated(**settings: str) -> Iterator[Demo]:
    """Serve until the block ends; nothing of it is left then."""
    with tempfile.TemporaryDirectory(prefix="gateway-demo-") as directory:
        environ = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
        said = Path(directory) / "said"
        with said.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli", "demo", "--port", "0", "--json"],
                env=environ | {"GATEWAY_DATA_DIR": directory} | settings,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        document = json.loads(_printed(process))
        try:
            yield Demo(directory, document["url"], document["lines"], said)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
        assert process.returncode == 0
        assert not (Path(directory) / "postgres" / "cluster" / "postmaster.pid").exists()


def _printed(process: subprocess.Popen[str]) -> str:
    """The one JSON document that a demo prints; the pipe stays open after it."""
    assert process.stdout is not None
    printed = ""
    while not printed.endswith("\n}\n"):
        line = process.stdout.readline()
        assert line, printed
        printed += line
    return printed
