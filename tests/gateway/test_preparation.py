"""What makes a database ready gives back what its roles have lost."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from gateway.preparation import prepare
from partners.postgres import database
from partners.postgres.database import Role


@pytest.mark.parametrize(
    ("role", "right", "column"),
    [
        (Role.WRITE, "INSERT", "access_log.at"),
        (Role.WRITE, "SELECT", "member.username"),
        (Role.SEAL, "SELECT", "access_log.leaf"),
        (Role.SEAL, "INSERT", "sealed_leaf.hash"),
        (Role.RELEASE, "INSERT", "access_log.at"),
        (Role.RELEASE, "SELECT", "partner.number"),
    ],
)
def test_rights_that_a_role_lost_are_given_back(database_url: str, role: Role, right: str, column: str) -> None:
    table, _, name = column.partition(".")
    asked = text(f"SELECT has_column_privilege('{role}', '{table}', '{name}', '{right}')")
    owner = database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text(f"REVOKE {right} ON {table} FROM {role}"))
        lost = connection.scalar(asked)
    prepare(owner, now=datetime.now(UTC))
    with owner.connect() as connection:
        given_back = connection.scalar(asked)
    owner.dispose()

    assert (lost, given_back) == (False, True)


def test_rights_that_a_role_was_given_besides_are_taken_away(database_url: str) -> None:
    owner = database.owner(database_url)
    with owner.begin() as connection:
        connection.execute(text(f"GRANT DELETE ON access_log TO {Role.WRITE}, {Role.RELEASE}, {Role.SEAL}"))
    prepare(owner, now=datetime.now(UTC))
    asked = text("SELECT has_table_privilege(:role, 'access_log', 'DELETE')")
    with owner.connect() as connection:
        left = [role for role in Role if connection.scalar(asked, {"role": role})]
    owner.dispose()

    assert left == []
