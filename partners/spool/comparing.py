"""The spool beside the database: records that were changed or deleted, also before their seal, and those it lacks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import (
    ARRAY,
    Connection,
    DateTime,
    Row,
    Select,
    Uuid,
    and_,
    bindparam,
    func,
    select,
    text,
)

from partners.access_log.findings import Finding, Kind
from partners.access_log.identifiers import ACCESS_PREFIX, parse
from partners.access_log.merkle import leaf_hash
from partners.access_log.pruning import Gaps
from partners.access_log.reconciling import made_by_request
from partners.access_log.trust import Trust
from partners.months import beginning_of
from partners.spool.reading import Damage, Extent, Kept, by_day, read
from partners.tables.access import NETWORK_OF_THE_RECORD, access_log, access_network
from partners.tables.sealing import sealed_leaf

_AT_ONCE = 1_000
LONGEST_LIST = 20
"""So many records that the spool lacks are named."""
_ONE_DAY = timedelta(days=1)
_LOOKED_UP = ("enable_hashjoin = off", "enable_mergejoin = off", "jit = off")
"""A thousand records are looked up by index, however many there are besides."""


@dataclass
class Told:
    """What came of the comparison besides findings; whole once those are all read."""

    files: int = 0
    records: int = 0
    pruned: int = 0
    """Of these, records that were let go in time."""
    torn: list[str] = field(default_factory=list)
    """Names of files whose last line broke off."""
    first_at: datetime | None = None
    last_at: datetime | None = None
    """Between these the spool should have every record that a request made."""
    lacking: int = 0
    first_lacking: list[UUID] = field(default_factory=list)
    """Records of requests that are in the database alone; at most `LONGEST_LIST` of them."""


class _Copy(NamedTuple):
    """A record as the spool has it."""

    id: UUID
    at: datetime
    leaf: bytes


class Comparison:
    """One walk through the files, in the order of their days; memory is needed for the ids of two of them."""

    def __init__(self, connection: Connection, key: bytes, trust: Trust, told: Told) -> None:
        """Use a connection that begins no earlier than the files were looked at, and that nobody else uses."""
        self.told = told
        self._connection, self._key = connection, key
        self._gaps = Gaps(connection, trust)
        self._ids: dict[date, set[UUID]] = {}
        self._looked_until: datetime | None = None
        for setting in _LOOKED_UP:
            connection.execute(text(f"SET LOCAL {setting}"))

    def findings(self, extents: Sequence[Extent]) -> Iterator[Finding]:
        """Everything that is not as the spool has it; raise `SpoolUnreadableError`."""
        self.told.files = len(extents)
        for day, files in by_day(extents):
            # A request of late in the evening is on record the next day, none of the day before that.
            self._look_for_lacking(day - _ONE_DAY)
            for extent in files:
                yield from self._of_file(extent)
        self._look_for_lacking(None)

    def _of_file(self, extent: Extent) -> Iterator[Finding]:
        found = read(extent, self._key)
        while batch := list(islice(found, _AT_ONCE)):
            copies = []
            for each in batch:
                if isinstance(each, Kept):
                    copies.append(_copy_of(each.leaf))
                elif isinstance(each, Damage):
                    yield Finding(Kind.SPOOL_CHANGED, each.sentence())
                else:
                    self.told.torn.append(each.path.name)
            yield from self._compared(copies)

    def _compared(self, copies: Sequence[_Copy]) -> Iterator[Finding]:
        asked = {"ids": [copy.id for copy in copies], "instants": [copy.at for copy in copies]}
        rows = {row.id: row for row in self._connection.execute(_BESIDE, asked)} if copies else {}
        for copy in copies:
            self._count(copy)
            finding = self._difference(copy, rows[copy.id])
            if finding is not None:
                yield finding

    def _count(self, copy: _Copy) -> None:
        told = self.told
        told.records += 1
        told.first_at = min(told.first_at or copy.at, copy.at)
        told.last_at = max(told.last_at or copy.at, copy.at)
        self._ids.setdefault(copy.at.date(), set()).add(copy.id)

    def _difference(self, copy: _Copy, row: Row[Any]) -> Finding | None:
        is_as_sealed = row.place is None or row.hash == leaf_hash(copy.leaf)
        if row.leaf is None and row.place is not None and is_as_sealed and self._gaps.permits(row.place, copy.at):
            self.told.pruned += 1
            return None
        if row.leaf is None and is_as_sealed:
            return Finding(Kind.RECORD_MISSING, "in the spool, and not in the database", row.place, access=copy.id)
        if row.leaf != copy.leaf or not is_as_sealed:
            return Finding(Kind.RECORD_CHANGED, "not the bytes that are in the spool", row.place, access=copy.id)
        return None

    def _look_for_lacking(self, before: date | None) -> None:
        """Name what requests put on record before a day, as far as nobody looked yet, and the spool does not have."""
        told = self.told
        if told.first_at is None or told.last_at is None:
            return
        until = told.last_at + timedelta(microseconds=1)
        if before is not None:
            until = min(until, beginning_of(before))
        since = self._looked_until or told.first_at
        if since >= until:
            return
        known = set[UUID]().union(*self._ids.values())
        bounds, in_parts = {"since": since, "until": until}, {"yield_per": _AT_ONCE}
        with self._connection.execute(_BY_REQUESTS, bounds, execution_options=in_parts) as rows:
            for (identifier,) in rows:
                if identifier not in known:
                    told.lacking += 1
                    told.first_lacking += [identifier][: LONGEST_LIST - len(told.first_lacking)]
        self._looked_until = until
        self._ids = {day: ids for day, ids in self._ids.items() if before is not None and day >= before}


def _copy_of(leaf: bytes) -> _Copy:
    """Read what this gateway wrote, as its code proves."""
    said = orjson.loads(leaf)
    identifier = parse(ACCESS_PREFIX, said["id"])
    if identifier is None:
        raise ValueError("a record of the spool has no id")
    return _Copy(identifier, datetime.fromisoformat(said["at"]).astimezone(UTC), leaf)


def _beside() -> Select[Any]:
    pairs = func.unnest(
        bindparam("ids", type_=ARRAY(Uuid)), bindparam("instants", type_=ARRAY(DateTime(timezone=True)))
    )
    asked = pairs.table_valued("id", "at").render_derived("asked")
    return select(asked.c.id, access_log.c.leaf, sealed_leaf.c.index.label("place"), sealed_leaf.c.hash).select_from(
        asked.outerjoin(access_log, and_(access_log.c.at == asked.c.at, access_log.c.id == asked.c.id)).outerjoin(
            sealed_leaf, sealed_leaf.c.access == asked.c.id
        )
    )


def _by_requests() -> Select[Any]:
    """Records that a request must have made: what commands and background work put on record is not in the spool."""
    since, until = (bindparam(name, type_=DateTime(timezone=True)) for name in ("since", "until"))
    return (
        select(access_log.c.id)
        .outerjoin(access_network, NETWORK_OF_THE_RECORD)
        .where(access_log.c.at >= since, access_log.c.at < until)
        .where(made_by_request())
        .order_by(access_log.c.at, access_log.c.id)
    )


_BESIDE = _beside()
_BY_REQUESTS = _by_requests()
