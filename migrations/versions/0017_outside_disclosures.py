"""Disclosures made outside the gateway, entered by hand."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from partners.postgres.database import Role

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "outside_disclosure",
        sa.Column("id", sa.Uuid(), nullable=False, comment="UUIDv7 of `at`."),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("member", sa.BigInteger(), nullable=False, comment="The number (R45)."),
        sa.Column("recipient_kind", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False, comment="Names, never values."),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outside_disclosure")),
        comment="What was disclosed outside the gateway, entered by hand so that a member's list is complete (R27).",
    )
    op.create_index(op.f("ix_outside_disclosure_member"), "outside_disclosure", ["member"], unique=False)
    # Like a record of the log it is never changed.
    op.execute(f"GRANT SELECT, INSERT ON outside_disclosure TO {Role.WRITE}")
