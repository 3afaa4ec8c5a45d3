"""The exact bytes of what is put on record, noted beside the database by whoever asked for it in this context."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from sqlalchemy import ARRAY, Engine, Text, bindparam, cast, func, select

from partners.postgres.literals import text_literal
from partners.tables.access import TransactionId


class Noted(NamedTuple):
    """A record's bytes, as the statement that inserted it computed them."""

    leaf: bytes
    transaction: str | None = None
    """Which has yet to commit; none where the statement was a transaction of its own."""


_NOTED: ContextVar[list[Noted] | None] = ContextVar("noted", default=None)


def noted_here() -> list[Noted] | None:
    """Where to note records; None where nobody asked for it, and a record is to cost no more than it must."""
    return _NOTED.get()


@contextmanager
def noting() -> Iterator[list[Noted]]:
    """Note what is put on record while the block runs, and in contexts that are copied from it."""
    noted: list[Noted] = []
    before = _NOTED.set(noted)
    try:
        yield noted
    finally:
        _NOTED.reset(before)


def committed(engine: Engine, noted: Sequence[Noted]) -> list[bytes]:
    """The bytes of those records that are there for good, in their order; raise `SQLAlchemyError`.

    What became of a transaction is asked of PostgreSQL itself: the records could have been changed meanwhile.
    """
    asked = {each.transaction for each in noted if each.transaction is not None}
    ended = set[str]()
    if asked:
        with engine.connect() as connection:
            ended.update(connection.execute(_COMMITTED, {"asked": list(asked)}).scalars())
    return [each.leaf for each in noted if each.transaction is None or each.transaction in ended]


_ASKED = func.unnest(bindparam("asked", type_=ARRAY(Text))).column_valued("asked")
_ENDED = func.pg_xact_status(cast(_ASKED, TransactionId))
_COMMITTED = select(_ASKED).where(text_literal("committed") == _ENDED)
