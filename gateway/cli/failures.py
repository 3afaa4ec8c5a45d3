"""What can go wrong in a command, in words for an operator; nothing of what is stored is quoted."""

from psycopg.errors import InsufficientPrivilege, UndefinedColumn, UndefinedTable
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gateway.settings import SettingsError
from partners.embedded import EmbeddedError
from partners.registry import RegistryError
from partners.rights.journal import JournalError

FAILURES = (RegistryError, JournalError, SettingsError, EmbeddedError, DBAPIError, PoolTimeoutError)


def said_of(error: Exception) -> str:
    """Return one sentence about a failure."""
    if isinstance(error, IntegrityError):
        return "Somebody changed the same at the same time; look at it and try again."
    if isinstance(error, DBAPIError) and isinstance(
        error.orig, UndefinedTable | UndefinedColumn | InsufficientPrivilege
    ):
        return "The database is not prepared for this version; run `gateway db upgrade`."
    if isinstance(error, OperationalError | PoolTimeoutError):
        return "The database cannot be reached; see GATEWAY_DATABASE_URL."
    if isinstance(error, DBAPIError):
        return f"The database refused: {type(error.orig).__name__}."
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
