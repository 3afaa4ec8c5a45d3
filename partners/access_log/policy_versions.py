"""The versions of the policy that ever made a decision here."""

from typing import Any

from sqlalchemy import Connection, Row, select

from partners.tables.access import policy_version


def versions(connection: Connection) -> list[Row[Any]]:
    """Return `version`, `document` and `activated_at`, the newest first."""
    newest_first = (policy_version.c.activated_at.desc(), policy_version.c.version)
    return list(connection.execute(select(policy_version).order_by(*newest_first)))
