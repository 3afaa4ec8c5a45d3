"""The sealed access log: its tree, its checkpoints, and the role that appends to them."""

import sqlalchemy as sa
from alembic import op

from partners.postgres.database import Role
from partners.tables.access import TransactionId

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = "sealed_leaf, sealed_node, log_checkpoint"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "sealed_leaf",
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False, comment="From 0, without gap."),
        sa.Column("hash", sa.LargeBinary(), nullable=False, comment="SHA-256(0x00 ‖ leaf), as RFC 6962 has it."),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("access", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("index", name=op.f("pk_sealed_leaf")),
        comment="The order of the log: one row for each sealed record. It outlives the record (no foreign key).",
    )
    op.create_index(op.f("ix_sealed_leaf_access"), "sealed_leaf", ["access"], unique=True)
    op.create_table(
        "sealed_node",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False, comment="Of 8 heights each."),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_sealed_node")),
        comment="The root of every complete subtree of 256, 65,536, … leaves, so that proofs need few reads.",
    )
    op.create_table(
        "log_checkpoint",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False, comment="From 1, without gap."),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False, comment="Signed (C2SP): the log's name, size and root."),
        sa.Column(
            "horizon", TransactionId(), nullable=False, comment="Every record of an earlier transaction is sealed."
        ),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_log_checkpoint")),
        comment="What the log has promised to be, each time something was sealed.",
    )
    _grant()


def _grant() -> None:
    """The sealing role reads of a record what is sealed, and appends; nobody changes or removes anything."""
    op.execute(
        f"DO $$ BEGIN CREATE ROLE {Role.SEAL} NOLOGIN; "
        "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    op.execute(f"GRANT {Role.SEAL} TO CURRENT_USER")
    op.execute(f"GRANT USAGE ON SCHEMA public TO {Role.SEAL}")
    op.execute(f"GRANT SELECT (at, id, leaf, transaction) ON access_log TO {Role.SEAL}")
    op.execute(f"GRANT SELECT, INSERT ON {TABLES} TO {Role.SEAL}")
    op.execute(f"GRANT SELECT ON {TABLES} TO {Role.WRITE}")
