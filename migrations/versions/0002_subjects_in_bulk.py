"""Subjects of bulk accesses in sets."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from partners.postgres.database import Role

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "access_subject_set",
        sa.Column("member_bucket", sa.Integer(), nullable=False, comment="Member numbers, shifted."),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("access", sa.Uuid(), nullable=False),
        sa.Column("verdict", sa.BigInteger(), nullable=False),
        sa.Column(
            "member_offsets",
            postgresql.ARRAY(sa.SmallInteger()),
            nullable=False,
            comment="Within the bucket.",
        ),
        sa.PrimaryKeyConstraint("member_bucket", "at", "access", "verdict", name=op.f("pk_access_subject_set")),
        comment="The same for bulk accesses, two bytes a member: a row for all of a bucket with one verdict.",
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index(op.f("ix_access_subject_set_access_at"), "access_subject_set", ["access", "at"], unique=False)
    op.execute(f"GRANT SELECT, INSERT ON access_subject_set TO {Role.WRITE}")
    op.execute(f"GRANT INSERT ON access_subject_set TO {Role.RELEASE}")
