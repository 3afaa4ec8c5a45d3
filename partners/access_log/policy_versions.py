"""The versions of the policy that ever made a decision here."""

from typing import Any

from sqlalchemy import Connection, Row, select

from partners.tables.access import policy_version


def versions(connection: Connection) -> list[Row[Any]]:
    """Return `version`, `document` and `activated_at`, the newest first."""
    newest_first = (policy_version.c.activated_at.desc(), policy_version.c.version)
    return list(connection.execute(select(policy_version).order_by(*newest_first)))


def policy_documents(connection: Connection) -> dict[str, dict[str, Any]]:
    """Every policy that ever made a decision here, by version (R31)."""
    rows = connection.execute(select(policy_version.c.version, policy_version.c.document))
    return {row.version: row.document for row in rows}
