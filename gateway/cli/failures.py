"""What can go wrong in a command, in words for an operator; nothing of what is stored is quoted."""

from psycopg.errors import InsufficientPrivilege, OperationalError, UndefinedColumn, UndefinedTable
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gateway.settings import SettingsError
from gateway.wording import sentence
from migrations import UnknownRevisionError
from partners.access_log.tree import BrokenTreeError
from partners.detections.alerts import AlertError
from partners.postgres.embedded import EmbeddedError
from partners.registry import RegistryError
from partners.rights.journal import JournalError

FAILURES = (
    AlertError,
    RegistryError,
    JournalError,
    SettingsError,
    EmbeddedError,
    UnknownRevisionError,
    BrokenTreeError,
    DBAPIError,
    PoolTimeoutError,
    UnicodeError,
    OSError,
)


def said_of(error: Exception) -> str:
    """Return one sentence about a failure."""
    if isinstance(error, DBAPIError | PoolTimeoutError):
        return _said_of_the_database(error)
    if isinstance(error, UnicodeError):
        return "The input is not valid UTF-8."
    if isinstance(error, BrokenTreeError):
        return f"The log was tampered with: {error}; `gateway audit verify` names what."
    if isinstance(error, OSError):
        what = error.strerror or type(error).__name__
        return f"{error.filename}: {what}." if error.filename else f"The system cannot read or write: {what}."
    return sentence(str(error))


def _said_of_the_database(error: DBAPIError | PoolTimeoutError) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else None
    if isinstance(error, IntegrityError):
        return "Somebody else changed the same record meanwhile; look at it and try again."
    if isinstance(cause, InsufficientPrivilege):
        return "The database does not let this login do that; use one that owns the tables and may create roles."
    if isinstance(cause, UndefinedTable | UndefinedColumn):
        return "The database is not prepared for this version; run `gateway db upgrade`."
    # What the server reports has a code, but not what it refuses while it connects.
    if cause is None or (isinstance(cause, OperationalError) and cause.sqlstate is None):
        return "The database cannot be reached, or does not let this login in; see GATEWAY_DATABASE_URL."
    return f"The database refused: {type(cause).__name__}."
