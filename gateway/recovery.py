"""After a restore: the rights journal is applied again to a database that lacks its newest entries (R41)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert
from structlog import get_logger

from gateway.settings import Settings, operator_name
from partners.access_log.append import record
from partners.access_log.identifiers import instant_of
from partners.keyring import Keyring
from partners.postgres import database
from partners.postgres.database import Database
from partners.registry import signing_keys
from partners.registry.acts import access_by_operator
from partners.rights.decisions import Replay, Replayed, members_by_digest
from partners.rights.journal import Change, Journal
from partners.tables.rights import journal_entry
from partners.vocabulary import Outcome, Reason

OPERATION = "rights.replay"
log = get_logger(__name__)


def replay(engines: Database, journal: Journal, *, now: datetime) -> Replayed:
    """Apply what the database lacks, an entry a transaction, the oldest first; raise `JournalError`.

    Nothing is lacking unless the database was set back, or a server died in the middle of a commit.
    """
    done = Replayed()
    with engines.write.begin() as connection:
        entries = {entry: journal.read(entry) for entry in journal.lacking(connection)}
        choosing = _choosing(entries.values())
        ids = members_by_digest(connection, journal.keyring, _digests(entries.values()), choosing=choosing)
    for entry, changes in entries.items():
        with engines.write.begin() as connection:
            if _is_first(connection, entry):
                if not journal.has(entry):
                    # Another server's transaction, which was undone meanwhile.
                    connection.rollback()
                    continue
                applying = Replay(connection, journal.keyring, ids, done, now)
                for change in changes:
                    applying.apply(change)
                done.entries += 1
                _record(connection, applying.touched)
                for reason, members in applying.begun.items():
                    _record(connection, members, reason)
    return done


def before_serving(settings: Settings, url: str) -> None:
    """Let no data path open on a database that was set back, before the journal was applied; raise `JournalError`.

    Nor on one that was written with another secret; raise `RegistryError`.
    """
    keyring = Keyring(settings.secret_key)
    journal = settings.journal(keyring)
    engines = database.connect(url)
    try:
        with engines.write.connect() as connection:
            signing_keys.refuse_another_secret(connection, keyring)
        done = replay(engines, journal, now=settings.now())
        with engines.write.connect() as connection:
            lost = journal.lost(connection)
    finally:
        engines.dispose()
    if lost:
        log.warning("rights_journal_elsewhere", lost=lost)
    if done.entries:
        log.warning("rights_replayed", entries=done.entries, erasures=done.erasures, choices=done.choices)


def _is_first(connection: Connection, entry: UUID) -> bool:
    """Another server may be at it too, or still in the middle of that very transaction."""
    mine = insert(journal_entry).values(id=entry, at=instant_of(entry)).on_conflict_do_nothing()
    return connection.execute(mine.returning(journal_entry.c.id)).first() is not None


def _digests(entries: Iterable[list[Change]]) -> set[str]:
    return {change["request"]["member_digest"] for changes in entries for change in changes if "request" in change}


def _choosing(entries: Iterable[list[Change]]) -> set[str]:
    return {change["member"] for changes in entries for change in changes if "member" in change}


def _record(connection: Connection, members: set[int], reason: Reason | None = None) -> None:
    access = access_by_operator(datetime.now(UTC), OPERATION, operator=operator_name())
    record(connection, access, outcome=Outcome.RELEASED, status=HTTPStatus.OK, reason=reason, members=sorted(members))
