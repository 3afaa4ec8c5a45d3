"""Connections to PostgreSQL: engines that only release and record, that write, that seal, and that migrate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock
from types import MappingProxyType
from typing import Any

import orjson
from sqlalchemy import Engine, create_engine, make_url

from partners.postgres.deadline import Silence, keep, probe
from partners.postgres.prepared import Lanes


class Role(StrEnum):
    """The database roles the gateway takes on; none may alter or delete a record."""

    RELEASE = "gateway_release"
    WRITE = "gateway_write"
    SEAL = "gateway_seal"


APPLICATION = "member-data-gateway"
SEALER = f"{APPLICATION} sealing"
"""What the database shows its operators of who is connected."""
RELEASE_TIMEOUT_MS = 2_000
WRITE_TIMEOUT_MS = 60_000
SUMS_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 2_000
"""How long sums, which may take long themselves, wait for a lock on what they read and on the log."""
LOOK_FOR_US_MS = 1_000
GRACE_S = 5
"""So much later than its own time limit a server that keeps none is given up."""
SEAL_TIMEOUT_MS = 30_000
CONNECT_TIMEOUT_S = 2
POOL_TIMEOUT_S = 2
# Releases are prepared and many: planning one anew for each set of values costs more than executing it. Such a plan is
# kept while tables grow, and reading them whole is never right for longer than they are nearly empty.
_ONCE = MappingProxyType({"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"})
# A plan made once takes every range for a short one, and would sort thousands of rows that are better hashed.
_SUMS = MappingProxyType({**_ONCE, "enable_sort": "off", "lock_timeout": str(LOCK_TIMEOUT_MS)})


@dataclass(frozen=True)
class Database:
    """The engines of a running gateway."""

    release: Lanes
    sums: Lanes
    """As `release`, with the patience that sums over a long range need."""
    write: Engine
    feeding: Lock = field(default_factory=Lock)
    """Held by the one thread of this process that applies a batch of the feed."""

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.release.dispose()
        self.sums.dispose()
        self.write.dispose()


def connect(url: str, *, pool_size: int = 8) -> Database:
    """Return engines for the PostgreSQL at `url`; nothing is opened until first used."""
    release = _releasing(url, timeout_ms=RELEASE_TIMEOUT_MS, pool_size=pool_size)
    # Half as many: sums that take long leave the other threads to the rest.
    sums = _releasing(url, timeout_ms=SUMS_TIMEOUT_MS, pool_size=max(1, pool_size // 2), planning=_SUMS)
    write = _engine(url, role=Role.WRITE, timeout_ms=WRITE_TIMEOUT_MS, pool_size=pool_size)
    silence = Silence()
    for engine, limit_ms in ((release, RELEASE_TIMEOUT_MS), (sums, SUMS_TIMEOUT_MS), (write, WRITE_TIMEOUT_MS)):
        keep(engine, longest_wait_s=limit_ms / 1_000 + GRACE_S, silence=silence)
    probe(sums)
    # A sum may take long: its connection is asked for a sign of life each time it leaves the pool.
    return Database(release=Lanes(release), sums=Lanes(sums, kept=False), write=write)


def sealer(url: str) -> Engine:
    """Return an engine with the rights of the sequencer; each transaction sees the log as of one moment."""
    engine = _engine(url, role=Role.SEAL, timeout_ms=SEAL_TIMEOUT_MS, pool_size=1, isolation_level="REPEATABLE READ")
    keep(engine, longest_wait_s=SEAL_TIMEOUT_MS / 1_000 + GRACE_S, silence=Silence())
    return engine


def owner(url: str) -> Engine:
    """Return an engine that keeps the login's own rights: for migrations and grants only."""
    return _engine(url, role=None, timeout_ms=0, pool_size=1)


def _releasing(url: str, *, timeout_ms: int, pool_size: int, planning: Mapping[str, str] = _ONCE) -> Engine:
    return _engine(
        url,
        role=Role.RELEASE,
        timeout_ms=timeout_ms,
        pool_size=pool_size,
        planning=planning,
        isolation_level="AUTOCOMMIT",
        # In autocommit there is nothing to roll back, and a rollback would cost a round trip.
        pool_reset_on_return=None,
    )


def _engine(
    url: str,
    *,
    role: Role | None,
    timeout_ms: int,
    pool_size: int,
    planning: Mapping[str, str] = MappingProxyType({}),
    **more: str | None,
) -> Engine:
    settings = {
        "timezone": "UTC",
        # Durable before the first byte leaves, whatever the server's or the role's default says.
        "synchronous_commit": "on",
        "statement_timeout": str(timeout_ms),
        # Compiling a statement takes longer than any of ours takes to run.
        "jit": "off",
        # Whom we do not wait for any longer stops: a closed connection leaves nothing behind that waits for a lock.
        "client_connection_check_interval": str(LOOK_FOR_US_MS),
        **planning,
    }
    if role is not None:
        settings["role"] = role
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        connect_args={
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            "connect_timeout": CONNECT_TIMEOUT_S,
            # Whatever the database's own: one that cannot be used can still be asked for it.
            "client_encoding": "utf8",
            "application_name": SEALER if role is Role.SEAL else APPLICATION,
        },
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=_json,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        pool_pre_ping=False,
        hide_parameters=True,
        **more,
    )


def _json(text: str) -> Any:  # noqa: ANN401 - any value of JSON
    """Read JSON; what PostgreSQL keeps and nothing here ever wrote, such as numbers without measure, stays a text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
