"""Access logs for tests: records appended as the gateway does, sealed, verified."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Select,
    SmallInteger,
    Text,
    bindparam,
    create_engine,
    func,
    literal,
    make_url,
    select,
    text,
)

from partners.access_log import stored_checkpoints
from partners.access_log.append import Access, record, record_of
from partners.access_log.checkpoints import read_checkpoint, signer_of
from partners.access_log.findings import Finding
from partners.access_log.identifiers import REQUEST_PREFIX, new_id, public
from partners.access_log.keys import SigningKeys
from partners.access_log.notes import Signer, Signers
from partners.access_log.sequencer import Sealed, seal
from partners.access_log.stored_checkpoints import Anchor
from partners.access_log.subjects import Keeping, in_bulk
from partners.access_log.summary import summary_of
from partners.access_log.trust import Trust, Witness
from partners.access_log.verifying import Covered, Verification
from partners.keyring import Keyring
from partners.postgres import database
from partners.vocabulary import Outcome, Purpose
from tests.conftest import SECRET
from tests.recycling import Recycled

ORIGIN = "gateway.example/access-log"
SIGNER = signer_of(Keyring(SECRET), ORIGIN, 1)


def access(at: datetime | None = None, **facts: Any) -> Access:
    """What is known of a request."""
    at = at or datetime.now(UTC)
    usual = {
        "at": at, "request_id": public(REQUEST_PREFIX, new_id(at)), "ip": "192.0.2.7", "audience": "webmaster",
        "partner": "w1", "client": "c1", "model": None, "operation": "members.list", "purpose": Purpose.CAMPAIGNS,
    }  # fmt: skip
    return Access(**(usual | facts))


@dataclass(frozen=True)
class OneKey:
    """A key that always signs, and alone."""

    signer: Signer

    def signing(self, _connection: Connection) -> Signers:
        return Signers(self.signer.verifier.name, [self.signer])


@dataclass
class Log:
    """An access log in a database, and the file that remembers its newest checkpoint."""

    url: str
    directory: Path
    signer: Signer = SIGNER
    verified: list[Covered] = field(default_factory=list)
    held: Connection | None = None
    keys: SigningKeys | None = None
    """Whatever signs, where it is more than `signer`."""
    own: Recycled | None = None
    """The database at `url`, where it has engines already."""

    def __post_init__(self) -> None:
        if self.own:
            self.engines, self.sealer, self.superuser = self.own.tests, self.own.sealer, self.own.superuser
            return
        self.engines = database.connect(self.url)
        self.sealer = database.sealer(self.url)
        superuser = make_url(self.url).set(drivername="postgresql+psycopg")
        self.superuser = create_engine(superuser, isolation_level="AUTOCOMMIT")

    def close(self) -> None:
        if self.own:
            return
        self.engines.dispose()
        self.sealer.dispose()
        self.superuser.dispose()

    def add(self, count: int = 1, members: tuple[int, ...] = (1, 2), **facts: Any) -> None:
        """Append records, each in a transaction of its own."""
        for _ in range(count):
            with self.engines.write.begin() as connection:
                record(connection, access(**facts), outcome=Outcome.RELEASED, status=200, members=members)

    def add_in_bulk(self, verdicts: dict[int, int], *, keeping: Keeping = in_bulk, **facts: Any) -> None:
        """Append the record of an access to many, from members' numbers to their verdicts."""
        parameters = {"members": list(verdicts), "verdicts": list(verdicts.values())}
        with self.engines.write.begin() as connection:
            connection.execute(_record_of_many(keeping), {**access(**facts).parameters(), **parameters})

    def seal(self, signer: Signer | None = None) -> Sealed:
        """Seal a batch."""
        keys = self.keys or OneKey(signer or self.signer)
        with self.sealer.connect() as connection:
            return seal(connection, keys, Anchor(self.directory, (signer or self.signer).verifier.name))

    def grow(self, *batches: int) -> None:
        """Append and seal batches of these many records."""
        for batch in batches:
            self.add(batch)
            self.seal()

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Whatever is done in SQL while the block runs can be verified in it, and is undone after it."""
        with self.superuser.connect().execution_options(isolation_level="REPEATABLE READ") as self.held:
            yield
            self.held.rollback()
        self.held = None

    def sql(self, statement: str, **parameters: Any) -> list[Any]:
        """Do something that only a superuser may."""
        with nullcontext(self.held) if self.held else self.superuser.connect() as connection:
            result = connection.execute(text(statement), parameters)
            return list(result) if result.returns_rows else []

    def note(self) -> str:
        """The newest checkpoint."""
        with self.engines.write.connect() as connection:
            newest = stored_checkpoints.newest(connection)
        assert newest is not None
        return newest.note

    def witness(self, *notes: str, longest_lag: timedelta = timedelta(days=1)) -> Witness:
        """Somebody who saw these checkpoints."""
        return Witness("the witness", [read_checkpoint(note) for note in notes], longest_lag)

    def verify(self, *witnesses: Witness, now: datetime | None = None, trust: Trust | None = None) -> list[Finding]:
        """Verify the log; how far that came is the last of `verified`."""
        own = self.engines.write.connect().execution_options(isolation_level="REPEATABLE READ")
        with own as fresh:
            connection = self.held or fresh
            trust = trust or Trust([self.signer.verifier])
            walk = Verification(connection, trust, witnesses, now=now or datetime.now(UTC))
            found = list(walk.findings())
        self.verified.append(walk.covered)
        return found


@cache
def _record_of_many(keeping: Keeping) -> Select[Any]:
    """The record of an export's chunk or a page."""
    pairs = func.unnest(bindparam("members", type_=ARRAY(BigInteger)), bindparam("verdicts", type_=ARRAY(BigInteger)))
    covered = select(pairs.table_valued("member", "verdict").render_derived("pairs")).cte("covered")
    decision = select(
        literal("released").label("outcome"),
        literal(200, SmallInteger).label("status"),
        literal(None, Text).label("reason"),
        *summary_of(covered).c,
    ).cte("decision")
    inserts = record_of(decision=decision, covered=covered, keeping=keeping)
    return select(decision.c.outcome).add_cte(*inserts)


Tampering = Callable[[Log], None]
