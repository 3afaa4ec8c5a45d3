"""One entry of the log as auditors look it up, by their tools or in the console."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from flask import g
from sqlalchemy import Connection, Row
from structlog import get_logger

from partners.access_log import search as log
from partners.access_log.identifiers import ACCESS_PREFIX, parse
from partners.access_log.merkle import leaf_hash
from partners.access_log.proofs import Inclusion, prove_inclusion
from partners.access_log.tree import BrokenTreeError
from partners.vocabulary import Outcome, Reason

logger = get_logger(__name__)


def found_entry(
    connection: Connection, access_id: str, look: Callable[..., None], *, shown: Sequence[Row[Any]] = ()
) -> Row[Any] | None:
    """Look an entry up; `look` puts on record what became of that, and which of its members are `shown` with it."""
    identifier = parse(ACCESS_PREFIX, access_id)
    row = log.get(connection, identifier) if identifier else None
    if row is None:
        look(outcome=Outcome.NOT_FOUND, status=HTTPStatus.NOT_FOUND, reason=Reason.UNKNOWN)
    else:
        # The erased have no id left that could be shown.
        look(members=[each.member for each in shown if each.id is not None])
    return row


def members_of_entry(connection: Connection, access_id: str, *, after: int, limit: int) -> Sequence[Row[Any]]:
    """Whom an entry is about, by number, from one number on; nobody where there is no such entry."""
    identifier = parse(ACCESS_PREFIX, access_id)
    return log.members_of(connection, identifier, after=after, limit=limit) if identifier else []


def proved(connection: Connection, row: Row[Any]) -> Inclusion | None:
    """The proof that its bytes were sealed; entries of a log that was tampered with can be read without one."""
    if row.sealed_index is None:
        return None
    try:
        return prove_inclusion(connection, row.sealed_index, leaf_hash(row.leaf))
    except BrokenTreeError:
        logger.error("sealed_log_broken", request_id=g.request_id)  # noqa: TRY400 - where it was found says nothing
        return None
