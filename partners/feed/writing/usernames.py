"""Writing which usernames are blocked, and deleting those that are in use again (R42)."""

from typing import Any

from sqlalchemy import Connection, delete

from partners.feed.names import Former
from partners.feed.parameters import among, as_rows, as_values
from partners.feed.state import State
from partners.feed.writing.sets import upsert_rows
from partners.keyring import Digest
from partners.tables.member import former_username

_BLOCKED = upsert_rows(former_username, ["digest"], ["blocked_until", "member", "erased"])
_IN_USE = delete(former_username).where(among(former_username.c.digest))


def write_former(connection: Connection, state: State) -> None:
    """Write what is known now about the former usernames that the batch touched."""
    digests = {key: state.keyring.digest(Digest.USERNAME, key) for key in state.names.touched}
    former = {digest: state.names.former(key) for key, digest in digests.items()}
    in_use = [digest for digest, known in former.items() if known is None]
    if in_use:
        connection.execute(_IN_USE, as_values(in_use))
    blocked = [_row(digest, known, state) for digest, known in former.items() if known is not None]
    if blocked:
        connection.execute(_BLOCKED, as_rows(blocked))


def _row(digest: bytes, former: Former, state: State) -> dict[str, Any]:
    """What is stored: without an owner it was that of somebody who is erased."""
    number = _number_of(former, state)
    return {"digest": digest, "blocked_until": former.blocked_until, "member": number, "erased": number is None}


def _number_of(former: Former, state: State) -> int | None:
    owner = state.members.get(former.owner) if former.owner else None
    return owner.number if owner else former.number
