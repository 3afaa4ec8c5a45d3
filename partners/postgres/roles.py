"""The gateway's roles, and all that the writing and the sealing one may do.

What the releasing one may do follows from the policies (`serializers/policy/grants.py`).
"""

from collections.abc import Iterable

from sqlalchemy import Connection, Table, text

from partners.postgres.database import Role
from partners.postgres.partitions import PARTITIONED
from partners.tables import metadata
from partners.tables.access import access_log, outside_disclosure, policy_version
from partners.tables.detections import alert
from partners.tables.log_key import log_key
from partners.tables.operator import approval, operator_act, two_person_rule
from partners.tables.pruning import log_pruning
from partners.tables.rights import journal_entry
from partners.tables.sealing import log_checkpoint, sealed_leaf, sealed_node

_TREE = (sealed_leaf, sealed_node, log_checkpoint)
_LIMITED = {
    "SELECT": (log_key, log_pruning, *_TREE),
    "SELECT, INSERT": (*PARTITIONED, operator_act, outside_disclosure, policy_version),
    "SELECT, INSERT, UPDATE": (alert, approval),
    "SELECT, INSERT, DELETE": (journal_entry, two_person_rule),
}
"""Which tables the writing role may not do everything with: above all, it changes and removes no record."""
_LIMITED_TABLES = {table for tables in _LIMITED.values() for table in tables}
_SEALING = {
    "SELECT (at, id, leaf, transaction)": (access_log,),
    "SELECT": (log_key,),
    "SELECT, INSERT": _TREE,
}
_TAKEN_ON = """
DO $$ BEGIN
    IF to_regrole('{role}') IS NULL THEN CREATE ROLE {role} NOLOGIN; END IF;
    BEGIN SET LOCAL ROLE {role}; EXCEPTION WHEN insufficient_privilege THEN GRANT {role} TO CURRENT_USER; END;
    RESET ROLE;
END $$
"""
"""A login that may create roles does not thereby take them on."""


def make_roles(connection: Connection) -> None:
    """Have every role, let this login take it on, and make the rights of all but the releasing one exactly these."""
    for role in Role:
        connection.execute(text(_TAKEN_ON.format(role=role)))
        connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {role}"))
    every = metadata.sorted_tables
    writing = {"SELECT, INSERT, UPDATE, DELETE": [table for table in every if table not in _LIMITED_TABLES], **_LIMITED}
    for role, rights in ((Role.WRITE, writing), (Role.SEAL, _SEALING)):
        connection.execute(text(f"REVOKE ALL ON alembic_version, {_names(every)} FROM {role}"))
        for right, tables in rights.items():
            connection.execute(text(f"GRANT {right} ON {_names(tables)} TO {role}"))
    # By it readiness tells which version's database it is.
    connection.execute(text(f"GRANT SELECT ON alembic_version TO {Role.WRITE}"))


def _names(tables: Iterable[Table]) -> str:
    return ", ".join(table.name for table in tables)
