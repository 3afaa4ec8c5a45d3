"""Reading back what the access log says about a request."""

from typing import Any

from sqlalchemy import select
from werkzeug.test import TestResponse

from partners.postgres.database import Database
from partners.tables.access import access_log

FACTS = ("audience", "partner", "client", "model", "operation", "purpose", "outcome", "status", "reason")


def records_of(db: Database, answer: TestResponse) -> list[dict[str, Any]]:
    """Every record of the request that was answered so."""
    with db.write.connect() as connection:
        statement = select(access_log.c[FACTS]).where(access_log.c.request_id == answer.headers["X-Request-Id"])
        return [row._asdict() for row in connection.execute(statement)]
