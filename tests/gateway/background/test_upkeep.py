"""A running gateway makes the log's coming partitions by itself, and nobody who uses the log waits for that."""

import time
from datetime import UTC, datetime

from sqlalchemy import text

from gateway.background import upkeep
from partners.months import month_of, next_month
from partners.postgres import database


def test_coming_partitions_are_made_while_the_log_is_in_use(database_url: str) -> None:
    name = f"access_log_{next_month(month_of(datetime.now(UTC)), 3):%Y_%m}"
    owner = database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text(f"DROP TABLE {name}"))
    engines = database.connect(database_url)
    with engines.write.connect() as reader:
        reader.execute(text("SELECT count(*) FROM access_log"))  # Its lock stays until the transaction ends.
        stop, until = upkeep.start(database_url, every_s=0.1), time.monotonic() + 10
        with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not connection.scalar(text("SELECT to_regclass(:name) IS NOT NULL"), {"name": name}):
                assert time.monotonic() < until
                time.sleep(0.05)
        stop.set()
    engines.dispose()
    owner.dispose()
