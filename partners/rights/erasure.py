"""Erasing a member: the row and all that hangs on it go; what the law keeps stays without a link to anybody."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import (
    Connection,
    LargeBinary,
    Text,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from partners.instants import QUARTER_HOUR
from partners.keyring import Digest, Keyring
from partners.outbox import CLOSED_KEPT
from partners.tables.access import access_subject, access_subject_block, access_subject_set, outside_disclosure
from partners.tables.activity import action, ledger_entry, registration, relation, spending, spending_total
from partners.tables.member import (
    erased_member,
    former_username,
    held_setting,
    member,
    member_stamp,
    profile,
    purchase_total,
)
from partners.tables.outbox import concern, notice
from partners.tables.rights import rights_request
from partners.usernames import blocked_until

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Fate(StrEnum):
    """What an erasure does to a table's rows about the member."""

    DELETED = "deleted"
    UNLINKED = "kept without any link to the person"
    KEYED_HASH = "kept under a keyed hash only"
    UNTIL_TOLD = "kept sealed until recipients are told, 30 days at most; then without a name, as long as the log"
    NUMBER_ONLY = "kept under a number that leads nowhere any more"


FATES = {
    member: Fate.DELETED,
    profile: Fate.DELETED,
    purchase_total: Fate.DELETED,
    member_stamp: Fate.DELETED,
    held_setting: Fate.DELETED,
    relation: Fate.DELETED,
    action: Fate.DELETED,
    spending_total: Fate.DELETED,
    registration: Fate.UNLINKED,
    ledger_entry: Fate.UNLINKED,
    spending: Fate.UNLINKED,
    former_username: Fate.KEYED_HASH,
    erased_member: Fate.KEYED_HASH,
    rights_request: Fate.KEYED_HASH,
    concern: Fate.UNTIL_TOLD,
    notice: Fate.UNTIL_TOLD,
    access_subject: Fate.NUMBER_ONLY,
    access_subject_block: Fate.NUMBER_ONLY,
    access_subject_set: Fate.NUMBER_ONLY,
    outside_disclosure: Fate.NUMBER_ONLY,
}
"""Every table that knows members, by what becomes of it; a test refuses one that is not listed."""


@dataclass(frozen=True)
class Kept:
    """What stays after an erasure, and why (R51)."""

    what: str
    why: str


KEPT = (
    Kept("Purchases, refunds and credit spending, without any link to the person", "Financial records: ten years."),
    Kept("A keyed hash of the member's id", "Events and refunds that arrive late must be recognised: ten years."),
    Kept("A keyed hash of the username", "Nobody may take it over within one year."),
    Kept("Counts in statistics, and income already earned", "They carry no name and no link to the person."),
    Kept("What recipients still have to be told, encrypted", "They must learn of the erasure: 30 days at most."),
    Kept(
        "Who was told, and when a username was given up, without any name",
        f"It is proved that they were, and by no name that they were not given: {CLOSED_KEPT.days} days at most.",
    ),
    Kept(
        "What the member chose and asked for, in the rights journal outside the database, encrypted",
        "No restored backup may undo it: 35 days at most.",
    ),
    Kept(
        "Backups from before the erasure",
        "Against the loss of the database: 30 days at most. One that is restored is erased again before it is used.",
    ),
    Kept(
        "What the security team's own tools had taken from the access log, with the platform's id",
        "Security: the gateway does not reach it there; the team deletes it.",
    ),
    Kept("This request and its reasons, encrypted, and access records under a number without a person", "Proof."),
)


@dataclass(frozen=True)
class _Erased:
    number: int
    id: str
    username_key: str


def carry_out(connection: Connection, member_number: int, keyring: Keyring, now: datetime) -> None:
    """Erase a member for good, in the caller's transaction (R38, R42, R45, R50).

    Raises `sqlalchemy.exc.NoResultFound` if there is none of that number.
    """
    found = select(member.c.number, member.c.id, member.c.username_key).where(member.c.number == member_number)
    erased = _Erased(*connection.execute(found.with_for_update()).one())
    block_username(connection, keyring.digest(Digest.USERNAME, erased.username_key), now)
    remember_as_erased(connection, keyring.digest(Digest.MEMBER, erased.id), now)
    _unlink_purchases(connection, erased, keyring)
    _unlink_spending(connection, member_number)
    _unlink_registration(connection, member_number)
    connection.execute(delete(held_setting).where(held_setting.c.member_id == erased.id))
    # Everything else hangs on this row and goes with it.
    connection.execute(delete(member).where(member.c.number == member_number))


def block_username(connection: Connection, digest: bytes, now: datetime, *, owner: int | None = None) -> None:
    """Let nobody but its owner take a username over within a year (R42); `digest` is its keyed hash.

    Without an owner it was that of somebody who is erased.
    """
    row = {"digest": digest, "blocked_until": blocked_until(now), "member": owner, "erased": owner is None}
    statement = insert(former_username).values(row)
    new = statement.excluded
    until = func.greatest(former_username.c.blocked_until, new.blocked_until)
    renewed = {"blocked_until": until, "member": new.member, "erased": new.erased}
    connection.execute(statement.on_conflict_do_update(index_elements=["digest"], set_=renewed))


def remember_as_erased(connection: Connection, digest: bytes, now: datetime) -> None:
    """Let no event about them be applied any more; `digest` is the keyed hash of the platform's id."""
    statement = insert(erased_member).values(digest=digest, erased_at=now)
    connection.execute(statement.on_conflict_do_nothing())


def _unlink_purchases(connection: Connection, erased: _Erased, keyring: Keyring) -> None:
    """Put a keyed hash in the place of the link: a later refund of the same purchase and subject still finds it."""
    entry = ledger_entry.c
    purchases = connection.execute(select(entry.purchase_id).distinct().where(entry.member == erased.number))
    ids = list(purchases.scalars())
    owners = (
        func.unnest(
            bindparam("ids", ids, ARRAY(Text)), bindparam("digests", _owners(ids, erased, keyring), ARRAY(LargeBinary))
        )
        .table_valued("purchase_id", "digest")
        .render_derived("owners")
    )
    connection.execute(
        update(ledger_entry)
        .where(entry.purchase_id == owners.c.purchase_id, entry.member == erased.number)
        .values(member=None, owner_digest=owners.c.digest)
    )


def _owners(purchase_ids: list[str], erased: _Erased, keyring: Keyring) -> list[bytes]:
    return [keyring.digest(Digest.PURCHASE_OWNER, purchase_id, erased.id) for purchase_id in purchase_ids]


def _unlink_spending(connection: Connection, member_number: int) -> None:
    """Without a number in its place: the lines of one person are not linked to each other either."""
    connection.execute(update(spending).where(spending.c.member == member_number).values(member=None))


def _unlink_registration(connection: Connection, member_number: int) -> None:
    """Keep what statistics have counted, to the quarter hour in which they count; the rest goes (R10)."""
    mine = registration.c.member == member_number
    connection.execute(delete(registration).where(mine, ~registration.c.counted))
    quarter = func.date_bin(QUARTER_HOUR, registration.c.at, _EPOCH)
    connection.execute(update(registration).where(mine).values(member=None, at=quarter))
