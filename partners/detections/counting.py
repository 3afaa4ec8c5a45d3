"""Counting the sealed log, entry by entry in its order, each exactly once: what every rule is decided by.

The order of seals has no gaps and never changes, so one number tells what is counted. A batch is read before anything
is written: a transaction that has written holds the sequencer back until it ends.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, Row, bindparam, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert

from partners.detections import entries, rules
from partners.detections.sketch import Sketch
from partners.tables.detections import EVERY, client_network, client_seen, partner_day, partner_hour
from partners.tables.partner import client
from partners.tables.sealing import sealed_leaf
from partners.vocabulary import PartnerKind

BATCH = 1_000
"""Entries that are counted in one transaction."""
_ONE_BY_ONE = ("enable_hashjoin = off", "enable_mergejoin = off", "enable_seqscan = off")
"""A few thousand entries of many millions: each is looked up, whatever the planner thinks of it."""


class Key(NamedTuple):
    """Whose day."""

    partner: str
    client: str
    model: str
    day: date


@dataclass
class _Tally:
    requests: int = 0
    missed: int = 0
    steps_up: int = 0
    steps_down: int = 0
    registers: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Counted:
    """A batch."""

    following: int
    """The index of the first entry that is not counted."""
    earliest: datetime | None = None
    """The earliest of its instants; None where there was nothing to count."""


def count(connection: Connection, first: int) -> Counted:
    """Count a batch of entries from an index on."""
    end, earliest = connection.execute(_END, {"first": first, "batch": BATCH}).one()
    if end is None:
        return Counted(first)
    for setting in _ONE_BY_ONE:
        connection.execute(text(f"SET LOCAL {setting}"))
    bounds = {"first": first, "end": end + 1}
    tallies = _tallies(connection, bounds)
    rows = (
        (_ADD_DAYS, _days(tallies, _known(connection, tallies))),
        (_ADD_HOURS, [row._asdict() for row in connection.execute(entries.HOURS, bounds)]),
        (_ADD_NETWORKS, [row._asdict() for row in connection.execute(entries.NETWORKS, bounds)]),
        (_SET_SEEN, _standing(connection, connection.execute(entries.SEEN, bounds).all())),
    )
    for statement, values in rows:
        if values:
            connection.execute(statement, values)
    return Counted(end + 1, earliest)


def first_index(connection: Connection, instant: datetime) -> int:
    """The index of the first sealed entry of about an instant, found by halving: entries are about in order of time."""
    low, high = 0, (connection.scalar(select(func.max(sealed_leaf.c.index))) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        at = connection.execute(_AT_OR_AFTER, {"first": middle}).scalar()
        low, high = (middle + 1, high) if at is not None and at < instant else (low, middle)
    return low


def _tallies(connection: Connection, bounds: dict[str, int]) -> dict[Key, _Tally]:
    tallies: dict[Key, _Tally] = defaultdict(_Tally)
    for row in connection.execute(entries.DAYS, bounds):
        for key in _keys(row):
            tally = tallies[key]
            tally.requests += row.requests
            tally.missed += row.missed
    for row in connection.execute(entries.STEPS, bounds):
        for key in _keys(row)[1:]:
            tallies[key].steps_up += row.up
            tallies[key].steps_down += row.down
    for row in connection.execute(entries.REGISTERS_OF, bounds):
        for key in _keys(row):
            tallies[key].registers.append((row.register, row.rank))
    return tallies


def _keys(row: Row[Any]) -> list[Key]:
    """The rows that an entry counts in: its partner's, and its model's or its client's."""
    whole = Key(row.partner, EVERY, EVERY, row.day)
    is_model = row.audience == PartnerKind.MODEL_CENTER and row.model is not None
    return [whole, whole._replace(model=row.model) if is_model else whole._replace(client=row.client)]


def _known(connection: Connection, tallies: dict[Key, _Tally]) -> dict[Key, bytes | None]:
    key = tuple_(*(partner_day.c[name] for name in Key._fields))
    wanted = [each for each, tally in tallies.items() if tally.registers]
    if not wanted:
        return {}
    rows = connection.execute(
        select(*(partner_day.c[name] for name in Key._fields), partner_day.c.sketch).where(key.in_(wanted))
    )
    return {Key(row.partner, row.client, row.model, row.day): row.sketch for row in rows}


def _standing(connection: Connection, seen: Sequence[Any]) -> list[dict[str, Any]]:
    """When each client of a batch was first and last seen, and when it last woke."""
    clients = [row.client for row in seen]
    made = dict(connection.execute(select(client.c.id, client.c.created_at).where(client.c.id.in_(clients))).all())
    rows = connection.execute(select(client_seen).where(client_seen.c.client.in_(clients)))
    known = {row.client: row for row in rows}
    return [_seen_now(row, known.get(row.client), made.get(row.client)) for row in seen]


def _seen_now(row: Row[Any], known: Row[Any] | None, made: datetime | None) -> dict[str, Any]:
    last_at = known.last_at if known else made
    slept = last_at is not None and row.first_at - last_at >= rules.SILENCE
    return {
        "client": row.client,
        "partner": row.partner,
        "first_at": min(row.first_at, known.first_at) if known else row.first_at,
        "last_at": max(row.last_at, known.last_at) if known else row.last_at,
        "woke_at": row.woke_at or (row.first_at if slept else None) or (known.woke_at if known else None),
    }


def _days(tallies: dict[Key, _Tally], known: dict[Key, bytes | None]) -> list[dict[str, Any]]:
    rows = []
    for key, tally in tallies.items():
        row = {**key._asdict(), "members": 0, "sketch": None, **vars(tally)}
        registers = row.pop("registers")
        if registers:
            sketch = Sketch(known.get(key))
            sketch.add(registers)
            row |= {"members": sketch.size(), "sketch": sketch.stored()}
        rows.append(row)
    return rows


_FIRST = bindparam("first", type_=BigInteger)
_BATCH = (
    select(sealed_leaf.c.index, sealed_leaf.c.at)
    .where(sealed_leaf.c.index >= _FIRST)
    .order_by(sealed_leaf.c.index)
    .limit(bindparam("batch", type_=BigInteger))
    .subquery()
)
_END = select(func.max(_BATCH.c.index), func.min(_BATCH.c.at))
_AT_OR_AFTER = select(sealed_leaf.c.at).where(sealed_leaf.c.index >= _FIRST).order_by(sealed_leaf.c.index).limit(1)


def _added(table: Any, row: Any, *names: str) -> dict[str, Any]:  # noqa: ANN401 - column collections
    return {name: table.c[name] + row[name] for name in names}


_day = upsert(partner_day)
_ADD_DAYS = _day.on_conflict_do_update(
    index_elements=list(Key._fields),
    set_={
        **_added(partner_day, _day.excluded, "requests", "missed", "steps_up", "steps_down"),
        "members": func.greatest(partner_day.c.members, _day.excluded.members),
        "sketch": func.coalesce(_day.excluded.sketch, partner_day.c.sketch),
    },
)
_hour = upsert(partner_hour)
_ADD_HOURS = _hour.on_conflict_do_update(
    index_elements=["partner", "client", "hour"],
    set_={
        **_added(partner_hour, _hour.excluded, "requests", "refused", "missed", "members"),
        "largest": func.greatest(partner_hour.c.largest, _hour.excluded.largest),
    },
)
_network = upsert(client_network)
_ADD_NETWORKS = _network.on_conflict_do_update(
    index_elements=["client", "network"],
    set_={
        "first_at": func.least(client_network.c.first_at, _network.excluded.first_at),
        "last_at": func.greatest(client_network.c.last_at, _network.excluded.last_at),
    },
)
_seen = upsert(client_seen)
_SET_SEEN = _seen.on_conflict_do_update(
    index_elements=["client"],
    set_={name: _seen.excluded[name] for name in ("first_at", "last_at", "woke_at")},
)
