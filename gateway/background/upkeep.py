"""What a running gateway does by itself once a day: it makes the access log's coming partitions."""

from datetime import UTC, datetime
from threading import Event, Thread

from sqlalchemy.exc import SQLAlchemyError
from structlog import get_logger

from gateway.wording import kind_of
from partners.postgres import database
from partners.postgres.partitions import make_partitions

DAY_S = 86_400.0
log = get_logger(__name__)


def start(url: str, every_s: float = DAY_S) -> Event:
    """Look after it in a thread of this process until it ends, or the event that is returned is set."""
    stop = Event()
    Thread(target=_run, args=[url, every_s, stop], name="upkeep", daemon=True).start()
    return stop


def _run(url: str, every_s: float, stop: Event) -> None:
    while not stop.wait(every_s):
        owner = database.owner(url)
        try:
            with owner.begin() as connection:
                make_partitions(connection, now=datetime.now(UTC))
        except SQLAlchemyError as error:
            # A login without the owner's rights leaves it to `gateway retention run`; /readyz tells in time.
            log.warning("partitions_not_made", why=kind_of(error))
        finally:
            owner.dispose()
