"""The keys that sign the log: one after the other, two at a time while one takes over from the other."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Connection, insert, select

from partners.access_log import stored_checkpoints
from partners.access_log.append import Access, record
from partners.access_log.checkpoints import signer_of
from partners.access_log.notes import NoteError, Signer, Signers, Verifier, signed_by
from partners.access_log.stored_checkpoints import NONE
from partners.access_log.trust import Sizes, Trust
from partners.keyring import Keyring
from partners.tables.log_key import log_key
from partners.tables.sealing import log_checkpoint
from partners.vocabulary import Outcome

ROTATED, RETIRED = "key.rotated", "key.retired"


class KeyChangeError(Exception):
    """The keys cannot change like that now; the message says why."""


class State(StrEnum):
    """What happens to a key."""

    OPENED = "opened"
    CLOSING = "closing"
    CLOSED = "closed"


@dataclass(frozen=True)
class Period:
    """A key's time."""

    generation: int
    sizes: Sizes
    """Of the log, which it signed; without an end while it does."""
    signs: bool


class SigningKeys(Protocol):
    """What signs a log."""

    def signing(self, connection: Connection) -> Signers:
        """Whatever has to sign now."""


@dataclass(frozen=True)
class DerivedKeys:
    """The keys of one gateway's log: they derive from its secret and are stored nowhere."""

    keyring: Keyring
    name: str

    def signing(self, connection: Connection) -> Signers:
        """Those that sign now, the newest first."""
        generations = [period.generation for period in reversed(periods(connection)) if period.signs]
        return Signers(self.name, [self.signer(generation) for generation in generations])

    def signer(self, generation: int) -> Signer:
        """The key of a generation."""
        return signer_of(self.keyring, self.name, generation)

    def trust(self, connection: Connection) -> Trust:
        """Trust in this gateway's own keys, each for the sizes that the database says it signed."""
        all_of_them = periods(connection)
        own = [self.signer(period.generation).verifier for period in all_of_them]
        return Trust([], own=own, sizes={key.public: each.sizes for key, each in zip(own, all_of_them, strict=True)})

    def lines(self, connection: Connection) -> list[str]:
        """A trust file: each key under each name that the log has had, and for which sizes of it to believe that."""
        every, names = periods(connection), dict.fromkeys([*self._names(connection), self.name])
        keys = ((signer_of(self.keyring, name, each.generation), each) for name in names for each in every)
        return [f"{key.verifier}{each.sizes}" for key, each in keys]

    def _names(self, connection: Connection) -> Iterator[str]:
        """Those under which its checkpoints were signed, the oldest first."""
        trust = self.trust(connection)
        for note in stored_checkpoints.first_of_each_name(connection):
            with suppress(NoteError):
                yield trust.open(note).origin


def periods(connection: Connection) -> list[Period]:
    """Every key's time, by generation."""
    rows = connection.execute(select(log_key.c.generation, log_key.c.state, log_key.c.size)).all()
    known = {(row.generation, row.state): row.size for row in rows}
    generations = sorted({1, *(row.generation for row in rows)})
    return [_period(generation, known) for generation in generations]


def rotate(connection: Connection, keys: DerivedKeys, access: Access) -> None:
    """Have a new key sign beside the one that signs; raise `KeyChangeError` while two do."""
    signing = [period for period in periods(connection) if period.signs]
    if len(signing) > 1:
        raise KeyChangeError("two keys sign already: retire the older one first")
    old, size = signing[0].generation, (stored_checkpoints.newest(connection) or NONE).size + 1
    new = max(period.generation for period in periods(connection)) + 1
    connection.execute(insert(log_key), {"generation": new, "state": State.OPENED, "size": size})
    told = {"old": str(keys.signer(old).verifier), "new": str(keys.signer(new).verifier), "from": str(size)}
    record(connection, access, outcome=Outcome.RELEASED, status=200, details=told)


def begin_retiring(connection: Connection, keys: DerivedKeys) -> Period:
    """Have the older of two keys sign nothing more; raise `KeyChangeError` before the other has signed."""
    every, newest = periods(connection), stored_checkpoints.newest(connection) or NONE
    begun = [period for period in every if not period.signs and period.sizes.last is None]
    if begun:
        return begun[0]
    old, *others = [period for period in every if period.signs]
    if not others:
        raise KeyChangeError("only one key signs: rotate it first")
    has_signed = keys.signer(others[0].generation).verifier.id in signed_by(newest.note)
    if not has_signed or newest.size not in others[0].sizes:
        raise KeyChangeError("the new key has signed nothing yet: wait until the log is sealed")
    row = {"generation": old.generation, "state": State.CLOSING, "size": newest.size}
    connection.execute(insert(log_key), row)
    return old


def finish_retiring(connection: Connection, keys: DerivedKeys, old: Period, access: Access) -> int | None:
    """Close a key at the last size that it signed, and return that; None as long as it is not known."""
    mine = keys.signer(old.generation).verifier
    newest = stored_checkpoints.newest(connection) or NONE
    if mine.id in signed_by(newest.note):
        return None
    last = _last_size(connection, mine)
    connection.execute(insert(log_key), {"generation": old.generation, "state": State.CLOSED, "size": last})
    record(connection, access, outcome=Outcome.RELEASED, status=200, details={"key": str(mine), "until": str(last)})
    return last


def _last_size(connection: Connection, key: Verifier) -> int:
    newest_first = select(log_checkpoint.c.size, log_checkpoint.c.note).order_by(log_checkpoint.c.number.desc())
    with connection.execute(newest_first, execution_options={"yield_per": 100}) as rows:
        return next((row.size for row in rows if key.id in signed_by(row.note)), 0)


def _period(generation: int, known: dict[tuple[int, str], int]) -> Period:
    first = known.get((generation, State.OPENED), 0)
    sizes = Sizes(first, known.get((generation, State.CLOSED)))
    return Period(generation, sizes, signs=(generation, State.CLOSING) not in known)
